/*
 * What chat/plan.h finds, as JSON, for test_catalog.py:
 *
 *	catalog_tool CONF USER turn CONVERSATION [MODEL [DRAWS]]
 *	catalog_tool CONF USER agent AGENT [DRAWS]
 *	catalog_tool CONF USER history CONVERSATION REGENERATE|- LIMIT BYTES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/plan.h"
#include "core/process.h"

static json_t *
text(const char *s)
{
	return s == NULL ? json_null() : json_string(s);
}

static json_t *
model_json(const struct offer_model *m)
{
	json_t *channels;

	if (m == NULL)
		return json_null();
	channels = json_array();
	for (size_t i = 0; i < m->n_channels; i++) {
		const struct offer_channel *ch = &m->channels[i];

		json_array_append_new(channels,
		    json_pack("{s:s, s:s, s:s, s:o, s:s, s:b}", "name", ch->name, "provider", ch->provider, "base_url",
			ch->base_url, "api_key", text(ch->api_key), "upstream_name", ch->upstream_name, "allow_private",
			ch->allow_private));
	}
	return json_pack("{s:s, s:I, s:I, s:o, s:i, s:o}", "name", m->name, "context_tokens",
	    (json_int_t)m->context_tokens, "max_output_tokens", (json_int_t)m->max_output_tokens, "price",
	    price_json(m->price), "abilities", (int)m->abilities, "channels", channels);
}

static json_t *
plan_json(const struct turn_plan *p)
{
	return json_pack("{s:o, s:o, s:b, s:I, s:o, s:o, s:I, s:f, s:o, s:o}", "conversation_id",
	    text(p->conversation_id), "title", text(p->title), "title_is_custom", p->title_is_custom, "message_count",
	    (json_int_t)p->message_count, "agent_id", text(p->agent_id), "prompt", text(p->prompt), "timeout_ms",
	    (json_int_t)p->timeout_ms, "temperature", p->temperature, "model", model_json(&p->model), "fallback",
	    model_json(p->fallback));
}

/* The text, or the address of the first file of a kind; JSON null: none. */
static json_t *
part(const struct ask_message *m, enum ask_part_kind kind)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind == kind)
			return json_string(kind == ASK_TEXT ? m->parts[i].text : m->parts[i].url);
	return json_null();
}

static json_t *
history_json(const struct history *h)
{
	json_t *messages = json_array();

	for (size_t i = 0; i < h->n; i++) {
		const struct ask_message *m = &h->messages[i];

		json_array_append_new(messages,
		    json_pack("{s:s, s:o, s:o, s:o, s:o}", "role", m->role, "content", part(m, ASK_TEXT), "image_url",
			part(m, ASK_IMAGE), "video_url", part(m, ASK_VIDEO), "audio_url", part(m, ASK_AUDIO)));
	}
	return json_pack("{s:o, s:o}", "messages", messages, "question_id", text(h->question_id));
}

static void
print(struct context *cx, enum status st, json_t *json)
{
	char *line;

	if (st != OK)
		json = json_pack(
		    "{s:s, s:O}", "code", status_code(st), "details", cx->details == NULL ? json_null() : cx->details);
	line = json_dumps(json, JSON_WIRE);
	puts(line);
	free(line);
	json_decref(json);
	if (cx->details != NULL)
		json_decref(cx->details);
}

/* The plan `draws` times, one line each. */
static void
turns(struct context *cx, const char *conversation, const char *model, int draws)
{
	for (int i = 0; i < draws; i++) {
		struct turn_plan *plan = NULL;
		struct history *h = NULL;
		enum status st = catalog_turn(
		    cx, conversation, model, &(struct history_ask){ .messages = 1 }, &plan, &h);

		print(cx, st, st == OK ? plan_json(plan) : NULL);
		cx->details = NULL;
	}
}

/* The same of an agent's trial, which is of no conversation. */
static void
trials(struct context *cx, const char *agent, int draws)
{
	for (int i = 0; i < draws; i++) {
		struct turn_plan *plan = NULL;
		enum status st = catalog_agent(cx, agent, &plan);

		print(cx, st, st == OK ? plan_json(plan) : NULL);
		cx->details = NULL;
	}
}

static void
history(struct context *cx, char **argv)
{
	struct turn_plan *plan = NULL;
	struct history *h = NULL;
	struct history_ask ask = { .regenerate_id = strcmp(argv[1], "-") == 0 ? NULL : argv[1],
		.messages = atoll(argv[2]),
		.bytes = atoll(argv[3]) };
	enum status st = catalog_turn(cx, argv[0], NULL, &ask, &plan, &h);

	print(cx, st, st == OK ? history_json(h) : NULL);
}

static int
run(struct context *cx, int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[3], "turn") == 0) {
		turns(
		    cx, argv[4], argc > 5 && strcmp(argv[5], "-") != 0 ? argv[5] : NULL, argc > 6 ? atoi(argv[6]) : 1);
	} else if (argc >= 5 && strcmp(argv[3], "agent") == 0) {
		trials(cx, argv[4], argc > 5 ? atoi(argv[5]) : 1);
	} else if (argc == 8 && strcmp(argv[3], "history") == 0) {
		history(cx, argv + 4);
	} else {
		return 2;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct context cx = { .lang = LANG_EN };
	struct process process = { .score = NULL };
	struct conf *conf;
	int rc;

	if (argc < 4 || conf_load(argv[1], &conf) != OK)
		return 2;
	process.conf = cx.conf = conf;
	process.offers = offers_new();
	cx.process = &process;
	cx.arena = arena_new(65536, 256 << 20);
	cx.pg = pg_new(conf, conf->database_url, "catalog_tool");
	cx.caller.user_id = argv[2];
	rc = run(&cx, argc, argv);
	pg_free(cx.pg);
	arena_free(cx.arena);
	offers_free(process.offers);
	conf_free(conf);
	return rc;
}
