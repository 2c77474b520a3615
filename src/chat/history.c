#include "chat/history.h"

#include <string.h>

#include "base/buf.h"
#include "chat/tools.h"
#include "io/pg.h"

#define BYTES_PER_TOKEN 8 /* more than any text has */
#define CONTEXT_MIN 1024  /* tokens: what a model has at least, for the history's sake */

/* $1 conversation, $2 user, $3 messages, $4 bytes: the newest messages that fit, newest first.  `from` where they come
 * from, as m, besides which of them count; `target` the question to end with, if any. */
#define HISTORY_SQL(from, target) \
	" SELECT m.id, m.parent_id, m.role, m.content, " target " AS is_target," \
	"  CASE WHEN m.has_calls THEN tool_calls_json(m.id, true) END AS calls," \
	"  CASE WHEN m.attachments <> '[]' THEN m.attachments END AS attachments" \
	" FROM (SELECT *, sum(octet_length(content) + CASE WHEN has_calls THEN (SELECT sum(octet_length(t.arguments)" \
	"   + octet_length(coalesce(t.result, ''))) FROM tool_calls t WHERE t.message_id = newest.id) ELSE 0 END)" \
	"   OVER (ORDER BY sequence DESC) AS bytes" \
	"  FROM (SELECT m.id, m.parent_id, m.sequence, m.role, m.content, m.attachments, m.has_calls" \
	"   FROM " from " AND m.conversation_id = $1 AND m.user_id = $2" \
	"    AND (m.role = 'user' OR (m.role = 'assistant' AND m.status = 'success' AND (m.content <> '' OR m.has_calls)))" \
	"   ORDER BY m.sequence DESC LIMIT $3) AS newest) AS m" \
	" WHERE m.bytes <= $4::bigint OR " target " ORDER BY m.sequence DESC"

/* A message and all before it, shown or not: `way`, which begins at what `first` finds.  Failures are on it as well,
 * so it goes further back than so many messages. */
#define WAY_SQL(first) \
	"WITH RECURSIVE way AS (SELECT m.id, m.parent_id, 1 AS steps FROM conversation_messages m WHERE m.id = (" first \
	")" \
	" UNION ALL SELECT m.id, m.parent_id, w.steps + 1 FROM way w JOIN conversation_messages m ON m.id = w.parent_id" \
	" WHERE w.steps < 2 * $3::bigint)"
#define ON_THE_WAY "way JOIN conversation_messages m ON m.id = way.id WHERE true"

const char history_sql[] = HISTORY_SQL("conversation_messages m WHERE m.active", "false");

/* $5 the assistant message to make again; its question is the target. */
const char history_again_sql[] = WAY_SQL(
    "SELECT q.id FROM conversation_messages a JOIN conversation_messages q ON q.id = a.parent_id AND (q.role = 'user' OR q.has_calls)"
    " WHERE a.id = $5::uuid AND a.conversation_id = $1 AND a.user_id = $2 AND a.role = 'assistant'")
    HISTORY_SQL(ON_THE_WAY, "(m.id = (SELECT id FROM way WHERE steps = 1))");

/* $5 the answer whose calls have ended. */
const char history_continue_sql[] = WAY_SQL("SELECT a.id FROM conversation_messages a WHERE a.id = $5::uuid"
					    " AND a.conversation_id = $1 AND a.user_id = $2 AND a.has_calls")
    HISTORY_SQL(ON_THE_WAY, "(m.id = (SELECT id FROM way WHERE steps = 1))");

/* $5 the user message that another version is asked of. */
const char history_edit_sql[] = WAY_SQL("SELECT q.parent_id FROM conversation_messages q"
					" WHERE q.id = $5::uuid AND q.conversation_id = $1 AND q.user_id = $2")
    HISTORY_SQL(ON_THE_WAY, "false");

int64_t
history_bytes(const struct history_ask *ask, int64_t largest_context)
{
	int64_t context = largest_context > CONTEXT_MIN ? largest_context : CONTEXT_MIN;

	return ask->bytes > 0 ? ask->bytes : context * BYTES_PER_TOKEN;
}

static void
clear(void *history)
{
	rows_free(((struct history *)history)->rows);
}

struct history *
history_new(struct context *cx)
{
	struct history *h = ARENA_NEW(cx->arena, struct history);

	arena_cleanup(cx->arena, clear, h);
	return h;
}

/* ---- questions and answers ---------------------------------------------------------- */

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* A user message and the rows of its answers, down from the first to the last (-1: none). */
struct pair {
	int question, first, last;
};

/* Pair each answer with its question, right before it on the way, or with an answer to it that called tools.  Oldest
 * first; `rows` have the newest first. */
static int
last_of(const struct pair *p)
{
	return p->last < 0 ? p->question : p->last;
}

static size_t
pair_up(const struct rows *rows, struct pair *pairs)
{
	size_t n = 0;

	for (int i = rows_count(rows) - 1; i >= 0; i--) {
		if (strcmp(row_text(rows, i, "role"), "user") == 0)
			pairs[n++] = (struct pair){ i, -1, -1 };
		else if (n > 0 &&
		    is_same(row_text(rows, i, "parent_id"), row_text(rows, last_of(&pairs[n - 1]), "id"))) {
			pairs[n - 1].first = pairs[n - 1].first < 0 ? i : pairs[n - 1].first;
			pairs[n - 1].last = i;
		}
	}
	return n;
}

/* Room for so many more. */
static void
grow_files(struct context *cx, struct history *h, size_t more)
{
	struct history_file *files = h->files;

	if (more == 0)
		return;
	h->files = ARENA_ARRAY(cx->arena, struct history_file, h->n_files + more);
	if (h->n_files > 0)
		memcpy(h->files, files, h->n_files * sizeof(*files));
}

/* Documents are put into the prompt by chat/files.c. */
static void
add_file(struct context *cx, struct history *h, const json_t *file)
{
	const char *url = json_string_value(json_object_get(file, "url"));

	if (url != NULL && is_same(json_string_value(json_object_get(file, "type")), "file"))
		h->files[h->n_files++] = (struct history_file){ .url = arena_strdup(cx->arena, url),
			.message = h->n - 1 };
}

/* The parts of the attachments, behind the text. */
static void
add_attachments(struct context *cx, struct ask_message *m, const json_t *attachments)
{
	static const struct {
		const char *type;
		enum ask_part_kind kind;
	} types[] = { { "image", ASK_IMAGE }, { "video", ASK_VIDEO }, { "audio", ASK_AUDIO } };
	size_t i;
	json_t *one;

	json_array_foreach(attachments, i, one)
		for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
			if (is_same(json_string_value(json_object_get(one, "type")), types[t].type))
				m->parts[m->n_parts++] = (struct ask_part){ .kind = types[t].kind,
					.url = arena_strdup(
					    cx->arena, json_string_value(json_object_get(one, "url"))) };
}

static void
add(struct context *cx, struct history *h, int row)
{
	json_t *attachments = row_null(h->rows, row, "attachments") ? NULL : row_json(h->rows, row, "attachments");
	struct ask_message *m = &h->messages[h->n++];
	json_t *one;
	size_t i;

	m->role = row_text(h->rows, row, "role");
	m->parts = ARENA_ARRAY(cx->arena, struct ask_part, 1 + json_array_size(attachments));
	if (*row_text(h->rows, row, "content") != '\0' || row_null(h->rows, row, "calls")) {
		m->parts[0] = (struct ask_part){ .kind = ASK_TEXT, .text = row_text(h->rows, row, "content") };
		m->n_parts = 1;
	}
	add_attachments(cx, m, attachments);
	grow_files(cx, h, json_array_size(attachments));
	json_array_foreach(attachments, i, one)
		add_file(cx, h, one);
	json_decref(attachments);
}

/* What an answer calls, and what came of it. */
static void
add_calls(struct context *cx, struct history *h, int row)
{
	json_t *calls;

	if (row_null(h->rows, row, "calls"))
		return;
	calls = row_json(h->rows, row, "calls");
	tools_history(cx->arena, calls, &h->messages[h->n - 1], &h->messages[h->n]);
	h->n++;
	json_decref(calls);
}

/* A question and its answers. */
static void
add_pair(struct context *cx, struct history *h, const struct pair *p)
{
	add(cx, h, p->question);
	for (int row = p->first; row >= 0 && row >= p->last; row--) {
		add(cx, h, row);
		add_calls(cx, h, row);
	}
}

void
history_fill(struct context *cx, struct history *h)
{
	size_t rows = (size_t)rows_count(h->rows), n;
	struct pair *pairs = ARENA_ARRAY(cx->arena, struct pair, rows);

	n = pair_up(h->rows, pairs);
	h->messages = ARENA_ARRAY(cx->arena, struct ask_message, 2 * rows); /* with calls an answer is two */
	for (size_t i = 0; i < n; i++) {
		size_t before = h->n;

		if (row_bool(h->rows, last_of(&pairs[i]), "is_target")) {
			add_pair(cx, h, &pairs[i]);
			h->question_id = row_text(h->rows, pairs[i].question, "id");
			h->tail = h->n - before;
			h->rounds = (h->tail - 1) / 2;
		} else if (pairs[i].last >= 0) {
			add_pair(cx, h, &pairs[i]);
		}
	}
}

enum status
history_refuse(struct context *cx, const char *conversation_id, const char *message_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT role FROM conversation_messages WHERE id = $1 AND conversation_id = $2 AND user_id = $3",
	    PS(message_id), PS(conversation_id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "look for message %s: %s", message_id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "message %s", message_id);
	if (strcmp(row_text(rows, 0, "role"), "assistant") != 0)
		return fail_field(cx, "message_id", "is not an assistant message");
	return fail_field(cx, "message_id", "has no user message before it");
}
