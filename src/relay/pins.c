#include "relay/pins.h"

#include <string.h>

#include "engine/call.h"
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

enum status
pins_seek(struct request *rq, const struct dialect_ask *asked, struct select_ask *whom, int64_t *prompt_tokens)
{
	struct pin pin;
	enum status st;

	if (asked->own_only.text[0] == '\0')
		return OK;
	if (pins_own(rq, whom->model) == NULL)
		return pins_refuse(&rq->cx, &asked->own_only);
	if (asked->after == NULL)
		return OK;
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
