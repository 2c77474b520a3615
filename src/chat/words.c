#include "chat/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/sweep.h"
#include "search/snippet.h"
#include "search/terms.h"

enum {
	AT_ONCE = 100,	/* messages in a transaction */
	SWEEP_MS = 500, /* then the other sweeps have their turn */
	STEP_ARENA_BYTES = 65536,
	STEP_ARENA_BYTES_MAX = 512 << 20, /* AT_ONCE texts of 65,536 characters, and their terms */
};

/* ---- noting ---------------------------------------------------------------------- */

/* The words of all rows as message_words_put() takes them; the caller's. */
static char *
read_words(struct arena *a, const struct rows *rows)
{
	json_t *list = json_array();
	char *text;

	for (int i = 0; i < rows_count(rows); i++) {
		const char *content = row_text(rows, i, "content");
		const char *words = content == NULL ? NULL : terms_set(a, content);

		json_array_append_new(
		    list, json_pack("{s:s, s:s?}", "id", row_text(rows, i, "message_id"), "words", words));
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static enum status
note(struct context *cx, bool *is_more)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct arena *a;
	char *words;
	enum status st = pg_query(
	    cx->pg, &rows, "SELECT news, message_id, content FROM message_words_due($1::int)", PI(AT_ONCE));

	if (st != OK)
		return st;
	*is_more = rows_count(rows) > 0;
	if (!*is_more)
		return OK;
	a = arena_new(STEP_ARENA_BYTES, STEP_ARENA_BYTES_MAX);
	words = read_words(a, rows);
	arena_free(a);
	st = pg_query(cx->pg, NULL, "SELECT message_words_put($1::jsonb, $2::bigint[])", PS(words),
	    PS(row_text(rows, 0, "news")));
	free(words);
	return st;
}

enum status
words_sweep(struct sweeper *s)
{
	int64_t by_ms = clock_mono_ms() + SWEEP_MS;
	bool is_more = true;
	enum status st = OK;

	while (st == OK && is_more && clock_mono_ms() < by_ms && !s->stopping()) {
		if ((st = pg_begin(s->cx.pg)) != OK)
			break;
		st = note(&s->cx, &is_more);
		if (st == OK)
			st = pg_commit(s->cx.pg);
		else
			pg_rollback(s->cx.pg);
	}
	return st;
}

/* ---- finding --------------------------------------------------------------------- */

/* $3 user, $4 words. */
#define HITS(than, order) \
	LIST_SQL("uuid", "SELECT FROM message_words w WHERE w.message_id = $1::uuid AND w.user_id = $3", \
	    "SELECT jsonb_build_object('id', m.id, 'conversation_id', m.conversation_id, 'title', c.title, 'role', m.role," \
	    "  'model', m.model, 'created_at', json_time(h.at), 'active', m.active, 'content', left(m.content, 65536))" \
	    "  AS json, h.at, h.tie" \
	    " FROM (SELECT w.written_at AS at, w.message_id AS tie FROM message_words w" \
	    "  WHERE w.words @@ $4::tsquery AND w.user_id = $3 AND (w.written_at, w.message_id) " than \
	    "   (coalesce((SELECT o.written_at FROM message_words o WHERE o.message_id = $1::uuid), 'infinity')," \
	    "    " LIST_FIRST_UUID ")) AS h" \
	    " JOIN conversation_messages m ON m.id = h.tie AND m.user_id = $3 AND m.content <> ''" \
	    " JOIN conversations c ON c.id = m.conversation_id AND c.user_id = $3", \
	    order)
static const struct list hits = { "messages by words", HITS("<", "DESC"), HITS(">", "ASC") };

/* In place of the whole text the piece that shows why it was found. */
static void
show(struct arena *a, json_t *hit, const struct terms_wanted *wanted)
{
	const char *content = json_string_value(json_object_get(hit, "content"));
	json_t *marks = json_array();
	struct snippet s;

	snippet_cut(a, content, wanted, &s);
	for (size_t i = 0; i < s.count; i++)
		json_array_append_new(marks, json_pack("{s:i, s:i}", "from", s.marks[i].from, "to", s.marks[i].to));
	json_object_del(hit, "content");
	json_object_set_new(hit, "snippet", json_string_nocheck(s.text));
	json_object_set_new(hit, "marks", marks);
}

enum status
words_find(struct context *cx, const char *q, const struct page *page, json_t **items, bool *more)
{
	struct terms_wanted *wanted = ARENA_NEW(cx->arena, struct terms_wanted);
	const char *lexeme = arena_printf(cx->arena, "=%s", cx->caller.user_id);
	json_t *hit;
	size_t i;
	enum status st;

	terms_want(cx->arena, q, wanted);
	if (wanted->count == 0) {
		*items = json_array();
		*more = false;
		return OK;
	}
	st = page_run(cx, page, &hits, items, more, PS(cx->caller.user_id), PS(terms_all(cx->arena, wanted, lexeme)));
	if (st != OK)
		return st;
	json_array_foreach(*items, i, hit) {
		struct arena *a = arena_new(STEP_ARENA_BYTES, STEP_ARENA_BYTES_MAX); /* a long text has many words */

		show(a, hit, wanted);
		arena_free(a);
	}
	return OK;
}
