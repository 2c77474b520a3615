#include "ledger/prices.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/audit.h"
#include "core/versions.h"
#include "ledger/price.h"
#include "ledger/price_import.h"

#define PRICE_MAX_UCR (INT64_C(1000000) * UCR_PER_CREDIT)
#define CONTEXT_MAX 100000000
#define NAME_MAX_LEN 200
#define FACTOR_MAX 1000000
#define AUDITED_MAX 200 /* changes that the audit log tells one by one */

const struct field price_fields[] = {
	{ "model", F_LINE, F_REQUIRED, .min = 1, .max = NAME_MAX_LEN, .help = "its name" },
	{ "group", F_LINE, F_NULLABLE, .min = 1, .max = 50,
	    .help = "for this group instead of the rows for all; null: for all" },
	{ "meter", F_CHOICE, F_REQUIRED, .choices = PRICE_METERS, .help = "what is counted" },
	{ "tier", F_CHOICE, 0, .choices = PRICE_TIERS, .help = "default standard" },
	{ "min_context", F_INT, 0, .max = CONTEXT_MAX, .help = "for prompts of at least so many tokens; default 0" },
	{ "unit_price", F_CREDITS, F_REQUIRED, .max = PRICE_MAX_UCR, .help = "credits for `per` units; 0: free" },
	{ "per", F_INT, 0, .min = 1, .max = 1000000, .help = "default 1000000 for tokens, else 1" },
	{ "valid_from", F_LINE, F_NULLABLE, .min = 1, .max = 40, .help = "RFC 3339; null: always" },
	{ "hours", F_LINE, F_NULLABLE, .min = 11, .max = 11,
	    .help = "only within this time of day, such as 22:00-06:00" },
	{ "time_zone", F_LINE, 0, .min = 1, .max = 64, .help = "of hours, such as Asia/Shanghai; default UTC" },
	{ .name = NULL },
};
const struct field prices_put_fields[] = {
	{ "rows", F_ARRAY, F_REQUIRED, .max = PRICES_AT_ONCE,
	    .help =
		"{model, group?, meter, tier?, min_context?, unit_price, per?, valid_from?, hours?, time_zone?} each; "
		"a row with the same key but unit_price and per is changed" },
	{ "models", F_TEXTS, 0, .max = 1000, .help = "names of models of which other rows than these go" },
	{ "dry_run", F_BOOL, 0, .help = "tell what would be changed" },
	{ .name = NULL },
};
const struct field prices_import_fields[] = {
	{ "format", F_CHOICE, F_REQUIRED, .choices = "weir litellm",
	    .help = "weir: {rows, models?} as PUT /api/admin/prices takes; litellm: that project's map of models" },
	{ "prices", F_OBJECT, F_REQUIRED, .help = "the list" },
	{ "credits_per_usd", F_NUMBER, 0, .min = 0, .max = FACTOR_MAX,
	    .help = "what a dollar of the list is here; default 1" },
	{ "models", F_OBJECT, 0, .help = "{our name: the name in the list}, where they differ" },
	{ "dry_run", F_BOOL, 0, .help = "tell what would be changed" },
	{ .name = NULL },
};

/* ---- reading -------------------------------------------------------------------- */

/* $3 model, $4 group, $5 meter, $6 tier. */
#define MATCHES \
	" ($3::text IS NULL OR m.name = $3) AND ($4::text IS NULL OR coalesce(p.user_group, '') = $4)" \
	" AND ($5::text IS NULL OR p.meter = $5) AND ($6::text IS NULL OR p.tier = $6)"
#define PRICES(than, order) \
	LIST_SQL("bigint", "SELECT FROM prices p WHERE p.id = $1::bigint", \
	    "SELECT price_json(p, m.name) AS json, p.id AS at, p.id AS tie FROM prices p JOIN llm_models m ON m.id = p.model_id" \
	    " WHERE p.id " than " " LIST_EDGE_INT(than) " AND" MATCHES, \
	    order)
#define SORTS(NUMBER, WORD) \
	WORD(model, "lower(m.name)") \
	WORD(group, "p.user_group") \
	WORD(meter, "p.meter") \
	WORD(tier, "p.tier") \
	NUMBER(unit_price, "p.unit_price") \
	NUMBER(valid_from, LIST_TIME("p.valid_from"))
#define SORTED(than, order) \
	LIST_SORTED_SQL("bigint", "$7", SORTS, "p.id", \
	    "FROM prices p JOIN llm_models m ON m.id = p.model_id WHERE" MATCHES, "p.id DESC", \
	    "SELECT price_json(p, m.name) FROM prices p JOIN llm_models m ON m.id = p.model_id WHERE p.id = s.id", \
	    than, order)
static const struct list prices = { "prices", PRICES("<", "DESC"), PRICES(">", "ASC"), LIST_SORTS(SORTS),
	SORTED("<", "DESC"), SORTED(">", "ASC") };
const struct field prices_query[] = {
	LIST_QUERY(F_INT, LIST_SORTS(SORTS)),
	{ "model", F_LINE, 0 },
	{ "group", F_LINE, 0, .help = "empty: prices for everybody" },
	{ "meter", F_LINE, 0 },
	{ "tier", F_LINE, 0 },
	{ .name = NULL },
};

void
price_filter_read(struct request *rq, struct price_filter *out)
{
	*out = (struct price_filter){ query_text(rq, "model"), query_text(rq, "group"), query_text(rq, "meter"),
		query_text(rq, "tier") };
}

enum status
prices_list(struct context *cx, const struct price_filter *f, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &prices, items, more, PS(f->model), PS(f->group), PS(f->meter), PS(f->tier));
}

/* ---- checking ------------------------------------------------------------------- */

static bool
is_time_of_day(const char *s)
{
	return s[0] >= '0' && s[0] <= '2' && s[1] >= '0' && s[1] <= (s[0] == '2' ? '3' : '9') && s[2] == ':' &&
	    s[3] >= '0' && s[3] <= '5' && s[4] >= '0' && s[4] <= '9';
}

/* Eleven characters, as the field table has it: bytes may be more. */
static bool
is_hours(const char *s)
{
	return strlen(s) == 11 && is_time_of_day(s) && s[5] == '-' && is_time_of_day(s + 6) &&
	    strncmp(s, s + 6, 5) != 0;
}

static enum status
check_row(struct context *cx, size_t i, json_t *row)
{
	struct field_problem problem;
	const char *from, *hours;
	int64_t at_ms;

	if (!json_is_object(row))
		return fail_field(cx, "rows", "element %zu must be an object", i);
	if (!fields_check(cx->arena, price_fields, row, &problem))
		return fail_field(cx, "rows", "element %zu: %s %s", i, problem.field, problem.message);
	from = field_text(row, "valid_from");
	hours = field_text(row, "hours");
	if (from != NULL && !clock_parse_rfc3339(from, &at_ms))
		return fail_field(cx, "rows", "element %zu: valid_from must be a time such as 2027-01-31T12:00:00Z", i);
	if (hours != NULL && !is_hours(hours))
		return fail_field(cx, "rows", "element %zu: hours must be two times of day such as 22:00-06:00", i);
	return OK;
}

static enum status
check_rows(struct context *cx, const json_t *rows)
{
	enum status st;
	json_t *row;
	size_t i;

	if (json_array_size(rows) > PRICES_AT_ONCE)
		return fail_field(cx, "rows", "must have at most %d elements", PRICES_AT_ONCE);
	json_array_foreach(rows, i, row)
		if ((st = check_row(cx, i, row)) != OK)
			return st;
	return OK;
}

/* What prices_put() of SQL found wrong. */
static enum status
refuse(struct context *cx, const json_t *problem)
{
	const char *field = json_string_value(json_object_get(problem, "field"));
	long long row = json_integer_value(json_object_get(problem, "row"));

	if (field == NULL)
		return fail_field(
		    cx, "models", "there is no model %s", json_string_value(json_object_get(problem, "model")));
	if (strcmp(field, "twice") == 0)
		return fail_field(cx, "rows", "element %lld is there twice", row);
	return fail_field(cx, "rows", "element %lld: this %s is not known", row, field);
}

/* ---- changing ------------------------------------------------------------------- */

/* The names as PostgreSQL reads an array, by way of JSON. */
static const char put_sql[] =
    "SELECT prices_put(ARRAY(SELECT jsonb_array_elements_text($1::jsonb)), $2::jsonb) AS json";

static enum status
run_put(struct context *cx, const json_t *models, const json_t *rows, json_t **out)
{
	AUTO_ROWS struct rows *told = NULL;
	char *names = models == NULL ? NULL : json_dumps(models, JSON_WIRE), *text = json_dumps(rows, JSON_WIRE);
	enum status st = pg_query(cx->pg, &told, put_sql, PS(names == NULL ? "[]" : names), PS(text));

	free(names);
	free(text);
	if (st != OK)
		return fail(cx, st, "write prices: %s", pg_error(cx->pg));
	*out = row_json(told, 0, "json");
	return OK;
}

static enum status
put(struct context *cx, const json_t *models, const json_t *rows, bool dry_run, json_t **out)
{
	json_t *problem;
	enum status st;

	if ((st = check_rows(cx, rows)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "write prices: %s", pg_error(cx->pg));
	if ((st = run_put(cx, models, rows, out)) != OK) {
		context_rollback(cx);
		return st;
	}
	problem = json_object_get(*out, "problem");
	if (problem != NULL)
		st = refuse(cx, problem);
	if (problem != NULL || dry_run)
		context_rollback(cx);
	else if ((st = context_commit(cx)) != OK)
		st = fail(cx, st, "write prices: %s", pg_error(cx->pg));
	if (st != OK) {
		json_decref(*out);
		return st;
	}
	if (!dry_run)
		versions_changed(cx);
	json_object_set_new(*out, "dry_run", json_boolean(dry_run));
	return OK;
}

enum status
prices_put(struct context *cx, const json_t *in, json_t **out)
{
	return put(
	    cx, json_object_get(in, "models"), json_object_get(in, "rows"), field_bool(in, "dry_run", false), out);
}

/* ---- somebody's list --------------------------------------------------------------- */

/* Rows of that format for our models; names the list does not know go to `unmatched`. */
static enum status
convert(struct context *cx, const json_t *in, json_t *rows, json_t *unmatched, json_t *refused)
{
	AUTO_ROWS struct rows *ours = NULL;
	const json_t *named = json_object_get(in, "models");
	const json_t *given = json_object_get(in, "credits_per_usd");
	double factor = json_is_number(given) ? json_number_value(given) : 1;
	enum status st = pg_query_again(cx->pg, &ours, "SELECT name FROM llm_models ORDER BY name");

	if (st != OK)
		return fail(cx, st, "list models: %s", pg_error(cx->pg));
	for (int i = 0; i < rows_count(ours); i++) {
		const char *name = row_text(ours, i, "name");
		const char *theirs = json_string_value(json_object_get(named, name));
		const json_t *entry = import_entry(json_object_get(in, "prices"), theirs == NULL ? name : theirs);

		if (entry == NULL || import_rows(rows, refused, name, entry, factor) == 0)
			json_array_append_new(unmatched, json_string(name));
	}
	return OK;
}

/* Beyond what the field table can say. */
static enum status
check_import(struct context *cx, const json_t *in)
{
	const json_t *factor = json_object_get(in, "credits_per_usd");
	const char *name;
	json_t *theirs;

	if (json_is_number(factor) && json_number_value(factor) <= 0)
		return fail_field(cx, "credits_per_usd", "must be more than 0: all would be free");
	json_object_foreach(json_object_get(in, "models"), name, theirs)
		if (json_string_length(theirs) == 0)
			return fail_field(cx, "models", "%s must be a name of the list", name);
	return OK;
}

enum status
prices_import(struct context *cx, const json_t *in, json_t **out)
{
	json_t *list = json_object_get(in, "prices"), *rows, *unmatched, *refused;
	bool dry_run = field_bool(in, "dry_run", false);
	struct field_problem problem;
	enum status st;

	if ((st = check_import(cx, in)) != OK)
		return st;
	if (strcmp(field_text(in, "format"), "weir") == 0) {
		if (!fields_check(cx->arena, prices_put_fields, list, &problem))
			return fail_field(cx, "prices", "%s %s", problem.field, problem.message);
		st = put(cx, json_object_get(list, "models"), json_object_get(list, "rows"), dry_run, out);
		if (st == OK)
			json_object_update_new(*out, json_pack("{s:[], s:[]}", "unmatched", "refused"));
		return st;
	}
	rows = json_own(cx->arena, json_array());
	unmatched = json_own(cx->arena, json_array());
	refused = json_own(cx->arena, json_array());
	st = convert(cx, in, rows, unmatched, refused);
	if (st == OK)
		st = put(cx, NULL, rows, dry_run, out);
	if (st == OK)
		json_object_update_new(*out, json_pack("{s:O, s:O}", "unmatched", unmatched, "refused", refused));
	return st;
}

void
prices_audit(struct request *rq, const char *action, const json_t *done)
{
	json_t *details;

	if (field_bool(done, "dry_run", false))
		return;
	details = json_copy((json_t *)done);
	if (json_array_size(json_object_get(done, "items")) > AUDITED_MAX) {
		json_object_del(details, "items");
		json_object_set_new(details, "many", json_true());
	}
	audit(&rq->cx, action, "prices", "ok", details);
}

enum status
price_delete(struct context *cx, int64_t id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, "DELETE FROM prices WHERE id = $1 RETURNING id", PI(id));

	if (st != OK)
		return fail(cx, st, "remove price: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "price %lld", (long long)id);
	versions_changed(cx);
	return OK;
}
