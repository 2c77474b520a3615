#include "relay/repeat.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "core/process.h"
#include "engine/follow.h"
#include "engine/journal.h"
#include "io/pg.h"
#include "io/redis.h"
#include "relay/relay.h"
#include "wire/own.h"

#define SESSION_HEADER "x-claude-code-session-id"

const char *
repeat_key(struct request *rq)
{
	static const char *const free_members[] = { "stream", "max_tokens", NULL };
	const char *session = request_header(rq, SESSION_HEADER), *caller = rq->cx.caller.key_id;
	unsigned char hash[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	struct buf b = BUF_INIT(0);

	if (session == NULL || *session == '\0' || rq->idempotency_key != NULL)
		return NULL;
	buf_printf(&b, "%s\n%s\n%s\n%s\n", rq->cx.caller.user_id, caller == NULL ? "" : caller, session, rq->path);
	if (!own_members(&b, rq->body, rq->body_len, free_members)) {
		buf_free(&b);
		return NULL;
	}
	crypto_sha256(b.data, b.len, hash);
	buf_free(&b);
	crypto_hex(hash, sizeof(hash), hex);
	return arena_printf(rq->cx.arena, "%srepeat:%s", rq->cx.conf->redis_prefix, hex);
}

/* Is there an answer to be had of it?  Of one that ended, while its journal has all of it. */
static enum status
is_kept(struct context *cx, const char *task_id, bool *kept)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT status FROM tasks WHERE id = $1 AND user_id = $2 AND type = 'relay'"
	    " AND status IN ('pending', 'running', 'completed')",
	    PS(task_id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "repeat: %s", pg_error(cx->pg));
	*kept = rows_count(rows) == 1 &&
	    (strcmp(row_text(rows, 0, "status"), "completed") != 0 || journal_whole(cx, task_id) != NULL);
	return OK;
}

enum status
repeat_join(struct request *rq, const char *key, const struct reader_wants *wants, bool *joined)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	const char *task_id;
	bool kept = false;
	enum status st;

	*joined = false;
	if (key == NULL || redis_call(rq->cx.redis, &reply, "GET", key) != OK) /* without Redis nothing is kept */
		return OK;
	if ((task_id = redis_reply_text(reply, NULL)) == NULL)
		return OK;
	if ((st = is_kept(&rq->cx, task_id, &kept)) != OK || !kept)
		return st;
	*joined = true;
	return follow_begin(rq, &kind_relay, task_id, wants);
}
