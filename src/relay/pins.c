#include "relay/pins.h"

#include <string.h>

#include "engine/call.h"
#include "engine/seal.h"
#include "io/pg.h"
#include "wire/own.h"
#include "wire/wire.h"

enum status
pins_refuse(struct context *cx, const struct dialect_problem *problem)
{
	json_t *details;

	if (!problem->is_unsupported)
		return fail_field(cx, problem->field, "%s", problem->text);
	details = json_pack(
	    "{s:s, s:s, s:s}", "field", problem->field, "problem", problem->text, "code", "unsupported_parameter");
	return fail_with(cx, E_INVALID_REQUEST, details, "%s: %s", problem->field, problem->text);
}

enum status
pins_find(struct context *cx, const char *id, struct pin *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT p.channel_id, p.key_id, p.model_id, p.tokens, ch.enabled FROM response_pins p"
	    " LEFT JOIN channels ch ON ch.id = p.channel_id WHERE p.user_id = $1 AND p.id = $2",
	    PS(cx->caller.user_id), PS(id));

	if (st != OK)
		return fail(cx, st, "response pin: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "response %s", id);
	if (row_null(rows, 0, "enabled") || !row_bool(rows, 0, "enabled"))
		return fail(cx, row_null(rows, 0, "enabled") ? E_ROUTE_GONE : E_ROUTE_UNAVAILABLE,
		    "the channel that keeps %s", id);
	out->at = (struct select_key){ row_int(rows, 0, "channel_id"), row_int(rows, 0, "key_id") };
	out->model_id = row_int(rows, 0, "model_id");
	out->tokens = row_int(rows, 0, "tokens");
	return OK;
}

static bool
is_own(const struct offer_channel *ch, const struct ask *ask)
{
	const struct wire *wire = call_wire(ch, ask);

	return wire != NULL && own_words(ask, wire->name);
}

const struct offer_channel *
pins_own(const struct request *rq, const struct offer_model *m)
{
	struct ask ask = { .own_wire = rq->route->dialect->wire };

	for (size_t i = 0; i < m->n_channels; i++)
		if (is_own(&m->channels[i], &ask))
			return &m->channels[i];
	return NULL;
}

/* ---- seals ----------------------------------------------------------------------- */

#define SEALS_MAX 512 /* that are looked for, the last ones */

/* A seal in what is asked, and who made it; channel_id 0: nobody that is known. */
struct seal {
	char id[SEAL_ID_LEN];
	struct ask_part *part;
	struct select_key maker;
};

static bool
is_sealed(const struct ask_part *part)
{
	return part->signature != NULL && *part->signature != '\0';
}

/* The seals of a chat, the last one first. */
static size_t
gather_seals(struct arena *a, const struct ask_chat *chat, struct seal **out)
{
	size_t n = 0, all = 0;

	for (size_t i = 0; i < chat->n_messages; i++)
		for (size_t k = 0; k < chat->messages[i].n_parts; k++)
			all += is_sealed(&chat->messages[i].parts[k]);
	all = all < SEALS_MAX ? all : SEALS_MAX;
	*out = ARENA_ARRAY(a, struct seal, all + 1);
	for (size_t i = chat->n_messages; i-- > 0;)
		for (size_t k = chat->messages[i].n_parts; k-- > 0 && n < all;) {
			struct ask_part *part = &chat->messages[i].parts[k];

			if (!is_sealed(part))
				continue;
			(*out)[n].part = part;
			seal_id(part->signature, strlen(part->signature), (*out)[n++].id);
		}
	return n;
}

static void
note_maker(struct seal *seals, size_t n, const char *id, struct select_key maker)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(seals[i].id, id) == 0)
			seals[i].maker = maker;
}

/* Who made them, in answers to the caller. */
static enum status
find_makers(struct context *cx, struct seal *seals, size_t n)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct buf ids = BUF_INIT(0);
	enum status st;

	for (size_t i = 0; i < n; i++)
		pg_array_add(&ids, seals[i].id);
	pg_array_end(&ids);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT id, channel_id, key_id FROM response_pins WHERE user_id = $1 AND id = ANY ($2::text[])",
	    PS(cx->caller.user_id), PS(ids.data));
	buf_free(&ids);
	if (st != OK)
		return fail(cx, st, "makers of seals: %s", pg_error(cx->pg));
	for (int i = 0; i < rows_count(rows); i++)
		note_maker(seals, n, row_text(rows, i, "id"),
		    (struct select_key){ row_int(rows, i, "channel_id"), row_int(rows, i, "key_id") });
	return OK;
}

static bool
is_same(struct select_key a, struct select_key b)
{
	return a.channel_id == b.channel_id && a.key_id == b.key_id;
}

/* The last maker that can be asked; channel_id 0: none. */
static struct select_key
choose_maker(struct request *rq, struct select_ask *whom, const struct seal *seals, size_t n)
{
	struct select_key none = { .channel_id = 0 }, last = none;

	for (size_t i = 0; i < n; i++) {
		if (seals[i].maker.channel_id == 0 || is_same(seals[i].maker, last))
			continue;
		whom->pin = last = seals[i].maker;
		if (select_candidates(&rq->cx, whom)->n_channels > 0)
			return last;
	}
	return none;
}

/* Of a message, the thoughts that nobody sealed now. */
static void
drop_thoughts(struct arena *a, struct ask_message *m)
{
	struct ask_part *parts = ARENA_ARRAY(a, struct ask_part, m->n_parts + 1);
	size_t n = 0;

	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind != ASK_THINKING || is_sealed(&m->parts[i]))
			parts[n++] = m->parts[i];
	m->parts = parts;
	m->n_parts = n;
}

/* Take out the seals of other makers, and the thoughts they were on; what is left is said anew. */
static void
drop_foreign(struct arena *a, struct dialect_ask *asked, struct seal *seals, size_t n, struct select_key maker)
{
	struct ask_chat *chat = &asked->ask.chat;
	struct ask_message *messages = ARENA_ARRAY(a, struct ask_message, chat->n_messages + 1);
	size_t n_messages = 0;

	for (size_t i = 0; i < n; i++)
		if (seals[i].maker.channel_id != 0 && !is_same(seals[i].maker, maker)) {
			seals[i].part->signature = NULL;
			asked->is_reworded = true;
		}
	if (!asked->is_reworded)
		return;
	for (size_t i = 0; i < chat->n_messages; i++) {
		messages[n_messages] = chat->messages[i];
		drop_thoughts(a, &messages[n_messages]);
		n_messages += messages[n_messages].n_parts > 0;
	}
	chat->messages = messages;
	chat->n_messages = n_messages;
}

static enum status
seek_maker(struct request *rq, struct dialect_ask *asked, struct select_ask *whom)
{
	struct seal *seals;
	size_t n = gather_seals(rq->cx.arena, &asked->ask.chat, &seals);
	enum status st;

	if (n == 0)
		return OK;
	if ((st = find_makers(&rq->cx, seals, n)) != OK)
		return st;
	whom->pin = choose_maker(rq, whom, seals, n);
	if (asked->own_only.text[0] == '\0')
		drop_foreign(rq->cx.arena, asked, seals, n, whom->pin);
	return OK;
}

/* ---- before and after ---------------------------------------------------------------- */

enum status
pins_seek(struct request *rq, struct dialect_ask *asked, struct select_ask *whom, int64_t *prompt_tokens)
{
	struct pin pin;
	enum status st;

	if (asked->own_only.text[0] != '\0' && pins_own(rq, whom->model) == NULL)
		return pins_refuse(&rq->cx, &asked->own_only);
	if (asked->after == NULL)
		return seek_maker(rq, asked, whom);
	if ((st = pins_find(&rq->cx, asked->after, &pin)) != OK)
		return st;
	whom->pin = pin.at;
	*prompt_tokens += pin.tokens;
	return OK;
}

enum status
pins_keep(struct request *rq, const struct dialect_ask *asked, struct offer_model *m)
{
	struct ask ask = { .own_wire = rq->route->dialect->wire };
	size_t n = 0;

	if (asked->own_only.text[0] == '\0')
		return OK;
	for (size_t i = 0; i < m->n_channels; i++)
		if (is_own(&m->channels[i], &ask))
			m->channels[n++] = m->channels[i];
	m->n_channels = n;
	return n > 0 ? OK : pins_refuse(&rq->cx, &asked->own_only);
}
