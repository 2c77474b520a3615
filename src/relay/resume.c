#include "relay/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ids.h"
#include "core/process.h"
#include "engine/follow.h"
#include "io/redis.h"
#include "relay/relay.h"
#include "wire/responses/responses.h"

#define ID_PREFIX "resp_"
#define HEX_LEN 32
#define KEY_LEN 160

static void
key_of(const struct conf *conf, const char *task_id, char key[KEY_LEN])
{
	snprintf(key, KEY_LEN, "%stask:%s:asked", conf->redis_prefix, task_id);
}

void
resume_keep(struct request *rq, const struct run *r)
{
	const struct conf *conf = rq->cx.conf;
	const char *echo = r->reader.wants.echo;
	AUTO_REPLY struct redis_reply *reply = NULL;
	char key[KEY_LEN], ms[24];

	if (!r->is_repeatable || r->reader.wants.dialect != &dialect_responses)
		return;
	key_of(conf, r->task.id, key);
	snprintf(ms, sizeof(ms), "%" PRId64, conf->upstream_total_timeout + conf->stream_resume_window);
	if (redis_call(rq->cx.redis, &reply, "SET", key, echo == NULL ? "" : echo, "PX", ms) != OK)
		return; /* nor is there a journal, then */
}

/* The task whose answer has that id: it is the task's, without its dashes. */
static bool
task_of(const char *response_id, char task_id[UUID_LEN])
{
	const char *hex = response_id + sizeof(ID_PREFIX) - 1;
	char dashed[UUID_LEN];

	if (strncmp(response_id, ID_PREFIX, sizeof(ID_PREFIX) - 1) != 0 || strlen(hex) != HEX_LEN)
		return false;
	snprintf(dashed, sizeof(dashed), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	return uuid_parse(dashed, task_id);
}

enum status
resume_begin(struct request *rq, const char *response_id, bool *found)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	char task_id[UUID_LEN], key[KEY_LEN];
	const char *echo;
	int64_t after;
	enum status st;

	*found = false;
	if ((st = query_int(rq, "starting_after", -1, 0, INT64_MAX, &after)) != OK)
		return st;
	if (!task_of(response_id, task_id))
		return OK;
	key_of(rq->cx.conf, task_id, key);
	if ((st = redis_call(rq->cx.redis, &reply, "GET", key)) != OK)
		return fail(&rq->cx, st, "resume %s", response_id);
	if ((echo = redis_reply_text(reply, NULL)) == NULL)
		return OK;
	*found = true;
	return follow_begin(rq, &kind_relay, task_id,
	    &(struct reader_wants){ .dialect = &dialect_responses,
		.echo = *echo == '\0' ? NULL : echo,
		.seen_events = (uint64_t)(after + 1),
		.seen_bytes = after < 0 ? 0 : (uint64_t)after / RESPONSES_STEP });
}
