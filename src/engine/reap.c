/*
 * Turns whose process died.  What was delivered is in the journal: nothing
 * delivered is refunded in full; something delivered is charged by an estimate
 * of its tokens and the prompt's, never more than the hold.  A generation that
 * was paid for is never run again.
 *
 * turn_settle() decides, once, and only while the owner is dead; everything
 * after it (terminal event, slots, notices) only tells others.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/credits.h"
#include "core/events.h"
#include "core/request.h"
#include "limits/slots.h"
#include "base/tokens.h"
#include "chat/wire.h"
#include "engine/remains.h"
#include "core/sweep.h"

#define TURNS_AT_ONCE 50
/* With Redis away the journals cannot be read: how long to wait for it before
 * settling from PostgreSQL alone.  Dead after 20 s, a sweep every 5 s: all ends
 * within 35 s. */
#define REDIS_WAIT_MS 3000

static const char dead_sql[] =
    "SELECT task_id, user_id, conversation_id, message_id, user_message_id, type, model_id, price_input_per_mtok,"
    " price_output_per_mtok, price_per_call, user_content, journal, cancel_requested,"
    " (extract(epoch FROM now() - started_at) * 1000)::bigint AS age_ms FROM turn_dead($1::int)";

/* What went upstream besides the question: the system prompt and, newest
 * first, the turns before it.  One row at least, for the user's language. */
static const char prompt_sql[] =
    "SELECT u.locale, l.context_tokens, a.prompt, m.content"
    " FROM users u"
    " LEFT JOIN llm_models l ON l.id = $4"
    " LEFT JOIN conversations c ON c.id = $2::uuid"
    " LEFT JOIN agents a ON a.id = c.agent_id"
    " LEFT JOIN LATERAL (SELECT h.content, h.sequence FROM conversation_messages h"
    "   WHERE h.conversation_id = c.id AND h.status = 'success'"
    "     AND h.sequence < (SELECT q.sequence FROM conversation_messages q WHERE q.id = $3::uuid)"
    "   ORDER BY h.sequence DESC LIMIT $5) AS m ON true"
    " WHERE u.id = $1::uuid ORDER BY m.sequence DESC";

static const char settle_sql[] =
    "SELECT settled, charged, balance, message, task_status, credits_held($13::uuid) AS held"
    " FROM turn_settle($1::uuid, NULL, $2::text, $3::text,"
    " $4::text, $5::text, $6::text, $7::text, $8::int, $9::int, true, $10::numeric, $11::bigint, NULL, $12::int,"
    " NULL, NULL)";

/* A dead turn and what became of it. */
struct dead {
	const struct rows *rows; /* of dead_sql */
	int row;
	const char *task_id;
	struct remains remains;
	enum turn_outcome outcome;
	enum status why;
	enum lang lang;
	int64_t input_tokens, output_tokens;
};

static int64_t
text_tokens(const char *text)
{
	return text != NULL ? tokens_estimate(text, strlen(text)) : 0;
}

static const char *
column(const struct dead *d, const char *name)
{
	return row_text(d->rows, d->row, name);
}

/* The prompt, as far as the model's context reaches, and the user's language. */
static enum status
measure_prompt(struct sweeper *s, struct dead *d)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *locale;
	int64_t context;
	enum status st;

	st = pg_query_again(s->cx.pg, &rows, prompt_sql, PS(column(d, "user_id")), PS(column(d, "conversation_id")),
	    PS(column(d, "user_message_id")), PI(row_int(d->rows, d->row, "model_id")),
	    PI(s->cx.conf->chat_history_messages));
	if (st != OK)
		return st;
	d->input_tokens = text_tokens(column(d, "user_content"));
	if (rows_count(rows) == 0)
		return OK;
	locale = row_text(rows, 0, "locale");
	d->lang = lang_accept(locale);
	context = row_int(rows, 0, "context_tokens");
	d->input_tokens += text_tokens(row_text(rows, 0, "prompt"));
	for (int i = 0; i < rows_count(rows); i++) {
		int64_t more = text_tokens(row_text(rows, i, "content"));

		if (context > 0 && d->input_tokens + more > context)
			break;
		d->input_tokens += more;
	}
	return OK;
}

static int64_t
cost_ucr(const struct dead *d)
{
	int64_t input_ucr = ucr_for_tokens(d->input_tokens, row_ucr(d->rows, d->row, "price_input_per_mtok"));
	int64_t output_ucr = ucr_for_tokens(d->output_tokens, row_ucr(d->rows, d->row, "price_output_per_mtok"));

	return ucr_add(row_ucr(d->rows, d->row, "price_per_call"), ucr_add(input_ucr, output_ucr));
}

/* Decide how it ended and what it used. */
static enum status
judge(struct sweeper *s, struct dead *d)
{
	bool delivered = d->remains.text.len + d->remains.reasoning.len > 0;

	d->outcome = row_bool(d->rows, d->row, "cancel_requested") ? OUTCOME_CANCELLED : OUTCOME_FAILED;
	d->why = d->outcome == OUTCOME_CANCELLED ? E_CANCELLED : E_INTERRUPTED;
	d->output_tokens = text_tokens(buf_str(&d->remains.text)) + text_tokens(buf_str(&d->remains.reasoning));
	if (measure_prompt(s, d) != OK)
		return E_UNAVAILABLE;
	if (!delivered)
		d->input_tokens = 0; /* nothing delivered costs nothing */
	return OK;
}

/* Tell everybody who waits for it. */
static void
announce(struct sweeper *s, struct dead *d, const struct rows *settled)
{
	const char *user_id = column(d, "user_id"), *conversation_id = column(d, "conversation_id");
	struct slot_holder slots;
	char *end_json = turn_end_json(&(struct turn_end){ .task_id = d->task_id,
	    .outcome = d->outcome,
	    .why = d->why,
	    .lang = d->lang,
	    .message = row_json(settled, 0, "message"),
	    .charged_ucr = row_ucr(settled, 0, "charged"),
	    .balance_ucr = row_ucr(settled, 0, "balance"),
	    .input_tokens = d->input_tokens,
	    .output_tokens = d->output_tokens,
	    .estimated = true });

	remains_close(s->cx.redis, s->cx.conf, d->task_id, &d->remains, end_json);
	free(end_json);
	slot_holder_init(&slots, user_id, conversation_id, d->task_id, true);
	slots_release(s->cx.redis, s->cx.conf, &slots);
	events_tell(&s->cx, user_id, "task",
	    json_pack("{s:s, s:s, s:s?, s:s?}", "id", d->task_id, "status", turn_outcome_name(d->outcome),
		"conversation_id", conversation_id, "message_id", column(d, "message_id")));
	events_tell(
	    &s->cx, user_id, "balance", credits_event(row_ucr(settled, 0, "balance"), row_ucr(settled, 0, "held")));
}

static enum status
settle(struct sweeper *s, struct dead *d)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct remains *rem = &d->remains;
	bool delivered = rem->text.len + rem->reasoning.len > 0;
	int64_t cost = delivered ? cost_ucr(d) : 0;
	enum status st;

	st = pg_query_again(s->cx.pg, &rows, settle_sql, PS(d->task_id), PS(turn_outcome_name(d->outcome)),
	    PS(d->outcome == OUTCOME_CANCELLED && delivered ? "success" : "error"), PS(buf_str(&rem->text)),
	    rem->reasoning.len > 0 ? PS(rem->reasoning.data) : PNULL, PS(status_code(d->why)),
	    PS(status_text(d->why, LANG_EN)), PI(d->input_tokens), PI(d->output_tokens), PM(cost),
	    row_null(d->rows, d->row, "model_id") ? PNULL : PI(row_int(d->rows, d->row, "model_id")),
	    PI(row_int(d->rows, d->row, "age_ms")), PS(column(d, "user_id")));
	if (st != OK)
		return st;
	if (!row_bool(rows, 0, "settled"))
		return OK; /* another worker was first, or its owner lives after all */
	LOG(WARN, "dead_turn_settled", LS("task_id", d->task_id), LS("user_id", column(d, "user_id")),
	    LI("delivered_bytes", rem->end), LI("charged_ucr", row_ucr(rows, 0, "charged")));
	announce(s, d, rows);
	return OK;
}

/* Give a Redis that is away a moment: without it some journals look empty. */
static void
wait_for_redis(struct sweeper *s)
{
	int64_t until_ms = clock_mono_ms() + REDIS_WAIT_MS;

	while (redis_call(s->cx.redis, NULL, "PING") != OK && clock_mono_ms() < until_ms && !s->stopping())
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
}

static enum status
sweep_one(struct sweeper *s, const struct rows *rows, int row)
{
	struct dead d = { .rows = rows, .row = row, .task_id = row_text(rows, row, "task_id") };
	enum status st;

	if (remains_read(s->cx.redis, s->cx.conf, d.task_id, row_text(rows, row, "journal"), &d.remains) != OK)
		LOG(ERROR, "journal_unreadable", LS("task_id", d.task_id),
		    LS("detail", "Redis is away: settled from PostgreSQL alone"));
	if ((st = judge(s, &d)) == OK)
		st = settle(s, &d);
	remains_free(&d.remains);
	return st;
}

enum status
sweep_dead_turns(struct sweeper *s)
{
	enum status st, worst = OK;
	int n;

	if (clock_mono_ms() < s->patient_until_ms)
		return OK;
	do {
		AUTO_ROWS struct rows *rows = NULL;

		if ((st = pg_query_again(s->cx.pg, &rows, dead_sql, PI(TURNS_AT_ONCE))) != OK)
			return st;
		if ((n = rows_count(rows)) > 0)
			wait_for_redis(s);
		for (int i = 0; i < n && !s->stopping(); i++)
			if ((st = sweep_one(s, rows, i)) != OK)
				worst = st;
		/* what failed would come first again: leave it to the next sweep */
	} while (n == TURNS_AT_ONCE && worst == OK && !s->stopping());
	return worst;
}
