#include "core/events.h"

#include <stdio.h>
#include <stdlib.h>

const char *
events_channel(const struct conf *conf, const char *user_id, char out[EVENTS_CHANNEL_LEN])
{
	snprintf(out, EVENTS_CHANNEL_LEN, "%suser:%s", conf->redis_prefix, user_id);
	return out;
}

/* The payload, to be freed; takes over `data`.  NULL when it is no JSON. */
static char *
payload(const char *type, json_t *data)
{
	json_t *event = json_pack("{s:s, s:o}", "type", type, "data", data != NULL ? data : json_object());
	char *text = event != NULL ? json_dumps(event, JSON_WIRE) : NULL;

	json_decref(event);
	return text;
}

void
events_publish(struct redis_async *ra, const struct conf *conf, const char *user_id, const char *type, json_t *data)
{
	char channel[EVENTS_CHANNEL_LEN], *text = payload(type, data);

	if (text == NULL)
		return;
	events_channel(conf, user_id, channel);
	(void)redis_async_command(ra, NULL, NULL, 3, (const char *[]){ "PUBLISH", channel, text }, NULL);
	free(text);
}

struct telling {
	char channel[EVENTS_CHANNEL_LEN];
	char *text;
};

static void
tell(struct context *cx, void *arg)
{
	const struct telling *e = arg;
	enum status st = redis_call(cx->redis, NULL, "PUBLISH", e->channel, e->text);

	(void)st; /* nothing depends on an event */
}

void
events_tell(struct context *cx, const char *user_id, const char *type, json_t *data)
{
	struct telling *e = ARENA_NEW(cx->arena, struct telling);
	char *text = payload(type, data);

	if (text == NULL)
		return;
	events_channel(cx->conf, user_id, e->channel);
	e->text = arena_strdup(cx->arena, text);
	free(text);
	after_commit(cx, tell, e);
}
