#include "chat/history.h"

#include <string.h>

#include "base/buf.h"
#include "io/pg.h"

#define BYTES_PER_TOKEN 8 /* more than any text has */
#define CONTEXT_MIN 1024  /* tokens: what a model has at least, for the history's sake */

/* $1 conversation, $2 user, $3 messages, $4 bytes: the newest messages that fit,
 * newest first.  `upto` where they end, `target` the question to end with, if any. */
#define HISTORY_SQL(upto, target) \
	" SELECT m.id, m.sequence, m.role, m.content, m.task_id, " target " AS is_target," \
	"  CASE WHEN m.attachments <> '[]' THEN m.attachments END AS attachments" \
	" FROM (SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence DESC) AS bytes" \
	"  FROM (SELECT id, sequence, role, content, attachments, task_id FROM conversation_messages" \
	"   WHERE conversation_id = $1 AND user_id = $2" \
	"    AND (role = 'user' OR (role = 'assistant' AND status = 'success' AND content <> ''))" upto \
	"   ORDER BY sequence DESC LIMIT $3) AS newest) AS m" \
	" WHERE m.bytes <= $4::bigint OR " target " ORDER BY m.sequence DESC"

const char history_sql[] = HISTORY_SQL("", "false");

/* $5 the assistant message to make again.  `target` is the question it answers:
 * the one its task says, else the user message before it. */
const char history_again_sql[] =
    "WITH target AS (SELECT q.id, q.sequence FROM conversation_messages a LEFT JOIN tasks t ON t.id = a.task_id"
    "  CROSS JOIN LATERAL (SELECT u.id, u.sequence FROM conversation_messages u"
    "   WHERE u.conversation_id = a.conversation_id AND u.role = 'user' AND u.sequence < a.sequence"
    "    AND (t.user_message_id IS NULL OR u.id = t.user_message_id)"
    "   ORDER BY u.sequence DESC LIMIT 1) AS q"
    "  WHERE a.id = $5::uuid AND a.conversation_id = $1 AND a.user_id = $2 AND a.role = 'assistant')" HISTORY_SQL(
	" AND sequence <= (SELECT sequence FROM target)", "(m.id = (SELECT id FROM target))");

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

/* A user message and the row of its latest answer (-1: none). */
struct pair {
	int question, answer;
};

/* `rows` have the newest first, so the later of two answers is the one above. */
static void
add_answer(struct pair *p, int row)
{
	if (p->answer < 0 || row < p->answer)
		p->answer = row;
}

/* Pair each answer with the question right before it, which is its own whenever
 * it is there.  The rows of the other answers go to `apart`.  Both oldest first. */
static size_t
pair_up(const struct rows *rows, struct pair *pairs, int *apart, size_t *n_apart)
{
	size_t n = 0;

	for (int i = rows_count(rows) - 1; i >= 0; i--) {
		if (strcmp(row_text(rows, i, "role"), "user") == 0)
			pairs[n++] = (struct pair){ i, -1 };
		else if (n > 0 && row_int(rows, pairs[n - 1].question, "sequence") + 1 == row_int(rows, i, "sequence"))
			add_answer(&pairs[n - 1], i);
		else
			apart[(*n_apart)++] = i;
	}
	return n;
}

static void
answer_by_id(const struct rows *rows, struct pair *pairs, size_t n, const char *question_id, int answer)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(row_text(rows, pairs[i].question, "id"), question_id))
			add_answer(&pairs[i], answer);
}

/* An answer that was made again stands apart from its question: its task knows it. */
static enum status
pair_apart(struct context *cx, const struct rows *rows, struct pair *pairs, size_t n, const int *apart, size_t n_apart)
{
	AUTO_ROWS struct rows *tasks = NULL;
	struct buf ids = { 0 };
	enum status st;

	for (size_t i = 0; i < n_apart; i++)
		if (!row_null(rows, apart[i], "task_id"))
			buf_printf(&ids, "%c%s", ids.len == 0 ? '{' : ',', row_text(rows, apart[i], "task_id"));
	if (ids.len == 0)
		return OK;
	buf_printf(&ids, "}");
	st = pg_query_again(
	    cx->pg, &tasks, "SELECT id, user_message_id FROM tasks WHERE id = ANY ($1::uuid[])", PS(buf_str(&ids)));
	buf_free(&ids);
	if (st != OK)
		return fail(cx, st, "questions of answers: %s", pg_error(cx->pg));
	for (int t = 0; t < rows_count(tasks); t++)
		for (size_t a = 0; a < n_apart; a++)
			if (is_same(row_text(rows, apart[a], "task_id"), row_text(tasks, t, "id")))
				answer_by_id(rows, pairs, n, row_text(tasks, t, "user_message_id"), apart[a]);
	return OK;
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

	m->role = row_text(h->rows, row, "role");
	m->parts = ARENA_ARRAY(cx->arena, struct ask_part, 1 + json_array_size(attachments));
	m->parts[0] = (struct ask_part){ .kind = ASK_TEXT, .text = row_text(h->rows, row, "content") };
	m->n_parts = 1;
	add_attachments(cx, m, attachments);
	json_decref(attachments);
}

enum status
history_fill(struct context *cx, struct history *h)
{
	size_t rows = (size_t)rows_count(h->rows), n_apart = 0, n;
	struct pair *pairs = ARENA_ARRAY(cx->arena, struct pair, rows);
	int *apart = ARENA_ARRAY(cx->arena, int, rows);
	enum status st;

	n = pair_up(h->rows, pairs, apart, &n_apart);
	if ((st = pair_apart(cx, h->rows, pairs, n, apart, n_apart)) != OK)
		return st;
	h->messages = ARENA_ARRAY(cx->arena, struct ask_message, 2 * n);
	for (size_t i = 0; i < n; i++) {
		if (row_bool(h->rows, pairs[i].question, "is_target")) {
			h->question_id = row_text(h->rows, pairs[i].question, "id");
			add(cx, h, pairs[i].question);
		} else if (pairs[i].answer >= 0) {
			add(cx, h, pairs[i].question);
			add(cx, h, pairs[i].answer);
		}
	}
	return OK;
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
