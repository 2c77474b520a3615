#include "account/preferences.h"

#include <stdlib.h>

#include "account/accounts.h"

const struct field preferences_fields[] = {
	{ "theme", F_CHOICE, F_NULLABLE, .choices = "system light dark", .help = "null: as on any new device" },
	{ "language", F_CHOICE, F_NULLABLE, .choices = "en zh",
	    .help = "of the page, and of mails; null: the browser's" },
	{ "welcome_seen", F_BOOL, 0, .help = "the page does not introduce itself any more" },
	{ "notify_media", F_BOOL, 0, .help = "devices are told that a picture or film has ended" },
	{ "notify_documents", F_BOOL, 0, .help = "devices are told that documents have been read" },
	{ "notify_answers", F_BOOL, 0,
	    .help = "devices are told that an answer has ended which nobody was there to read" },
	{ .name = NULL },
};

#define WITH_DEFAULTS(chosen) \
	"jsonb_build_object('theme', NULL, 'language', NULL, 'welcome_seen', false, 'notify_media', true," \
	" 'notify_documents', true, 'notify_answers', true) || " chosen

enum status
preferences_get(struct context *cx, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " WITH_DEFAULTS(
		"coalesce((SELECT p.preferences FROM user_preferences p WHERE p.user_id = $1), '{}')") " AS json",
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "read preferences: %s", pg_error(cx->pg));
	*out = row_json(rows, 0, "json");
	return OK;
}

/* What there is of our fields, as text in the arena. */
static const char *
known(struct context *cx, const json_t *in)
{
	json_t *some = json_object();
	char *text;
	const char *copy;

	for (const struct field *f = preferences_fields; f->name != NULL; f++) {
		json_t *value = json_object_get(in, f->name);

		if (value != NULL && (!json_is_null(value) || (f->flags & F_NULLABLE) != 0))
			json_object_set(some, f->name, value);
	}
	text = json_dumps(some, JSON_WIRE);
	copy = arena_strdup(cx->arena, text);
	free(text);
	json_decref(some);
	return copy;
}

static enum status
change(struct context *cx, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *language = field_text(in, "language");
	enum status st = pg_query(cx->pg, &rows,
	    "INSERT INTO user_preferences AS p (user_id, preferences) VALUES ($1, jsonb_strip_nulls($2::jsonb))"
	    " ON CONFLICT (user_id) DO UPDATE SET preferences = jsonb_strip_nulls(p.preferences || $2::jsonb), updated_at = now()"
	    " RETURNING " WITH_DEFAULTS("p.preferences") " AS json",
	    PS(cx->caller.user_id), PS(known(cx, in)));

	if (st != OK)
		return fail(cx, st, "keep preferences: %s", pg_error(cx->pg));
	if (language != NULL && (st = account_update(cx, cx->caller.user_id, NULL, language)) != OK)
		return st;
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
preferences_change(struct context *cx, const json_t *in, json_t **out)
{
	json_t *made = NULL;
	enum status st;

	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "keep preferences");
	if ((st = change(cx, in, &made)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK) {
		json_decref(made);
		return fail(cx, st, "keep preferences");
	}
	*out = made;
	return OK;
}
