/*
 * The journal: what a stream delivered, where other processes can see it.
 *
 *	{prefix}task:{id}:log	Redis stream
 *	  <end>-0  k=t|r o=<start> t=<bytes>	text or reasoning
 *	  <end>-1  k=e t=<terminal event>	the end
 *
 * An entry's id is the position after it, so a reader who knows his position
 * knows where to go on, and a gap shows.  The first piece is written at once:
 * a turn that delivered something must never look as if it had not.  The rest
 * is gathered for JOURNAL_BATCH_MS over all streams and leaves in one write.
 *
 * While Redis is away the text is checkpointed to task_journal with the
 * heartbeat (core/heartbeat.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/heartbeat.h"
#include "engine/journal.h"
#include "base/memory.h"
#include "engine/turn_private.h"
#include "io/pg.h"
#include "io/redis.h"
#include "io/reactor.h"

#define JOURNAL_BATCH_MS 50
#define JOURNAL_ENTRIES_MAX "20000"

const char *
journal_key(const struct conf *conf, const char *task_id, char out[JOURNAL_KEY_LEN])
{
	snprintf(out, JOURNAL_KEY_LEN, "%stask:%s:log", conf->redis_prefix, task_id);
	return out;
}

static void
unlist(struct turn *t)
{
	struct turn **p = &t->process->unjournaled;

	if (!t->journal_listed)
		return;
	while (*p != t)
		p = &(*p)->next_unjournaled;
	*p = t->next_unjournaled;
	t->journal_listed = false;
}

static void
expire(struct turn *t, const char *key, int64_t ms)
{
	char text[24];
	const char *argv[] = { "PEXPIRE", key, text };

	snprintf(text, sizeof(text), "%" PRId64, ms);
	redis_async_command(t->process->redis, NULL, NULL, 3, argv, NULL);
}

/* Only the confirmed failure to queue is known here; a lost reply shows as a
 * gap of positions to whoever reads. */
static void
append(struct turn *t, const char *id, const char *kind, const char *start, const char *text, size_t len)
{
	char key[JOURNAL_KEY_LEN];
	const char *argv[] = { "XADD", journal_key(t->process->conf, t->task_id, key), "MAXLEN", "~",
		JOURNAL_ENTRIES_MAX, id, "k", kind, "o", start, "t", text };
	size_t lens[12];

	for (int i = 0; i < 11; i++)
		lens[i] = strlen(argv[i]);
	lens[11] = len;
	if (!redis_async_command(t->process->redis, NULL, NULL, 12, argv, lens))
		t->journal_gap = true;
}

static void
write_out(struct turn *t)
{
	const struct conf *conf = t->process->conf;
	char id[32], start[24], key[JOURNAL_KEY_LEN];
	bool first = t->delivered == t->journal.len;

	if (t->journal.len == 0)
		return;
	snprintf(id, sizeof(id), "%" PRIu64 "-0", t->delivered);
	snprintf(start, sizeof(start), "%" PRIu64, t->delivered - t->journal.len);
	append(t, id, t->journal_reasoning ? "r" : "t", start, t->journal.data, t->journal.len);
	if (first) {
		expire(t, journal_key(conf, t->task_id, key), conf->chat_total_timeout + conf->chat_resume_window);
		redis_async_flush(
		    t->process->redis); /* before its reader has it: who is killed in between gave nothing */
	}
	buf_free(&t->journal); /* a stream waits most of the time */
}

void
journal_flush(struct turn *t)
{
	if (t->mode == TURN_DEBUG)
		return;
	unlist(t);
	write_out(t);
}

void
journal_add(struct turn *t, bool reasoning, const char *text, size_t len)
{
	struct process *p = t->process;
	bool first = t->delivered == len;

	if (t->mode == TURN_DEBUG)
		return;
	if (t->journal_reasoning != reasoning && t->journal.len > 0) {
		t->delivered -= len; /* what waits ends before this piece */
		write_out(t);
		t->delivered += len;
	}
	t->journal_reasoning = reasoning;
	buf_add(&t->journal, text, len);
	if (first) {
		write_out(t);
		return;
	}
	if (!t->journal_listed) {
		t->journal_listed = true;
		t->next_unjournaled = p->unjournaled;
		p->unjournaled = t;
		if (!reactor_timer_running(p->journal_timer))
			reactor_timer_start(p->journal_timer, JOURNAL_BATCH_MS);
	}
}

void
journal_batch(void *arg)
{
	struct process *p = arg;
	struct turn *t;

	while ((t = p->unjournaled) != NULL) {
		p->unjournaled = t->next_unjournaled;
		t->journal_listed = false;
		write_out(t);
	}
}

void
journal_end(struct turn *t)
{
	char id[32], start[24], key[JOURNAL_KEY_LEN];

	if (t->mode == TURN_DEBUG)
		return;
	journal_flush(t);
	snprintf(id, sizeof(id), "%" PRIu64 "-1", t->delivered);
	snprintf(start, sizeof(start), "%" PRIu64, t->delivered);
	append(t, id, "e", start, t->end_json, strlen(t->end_json));
	expire(t, journal_key(t->process->conf, t->task_id, key), t->process->conf->chat_resume_window);
}

void
journal_forget(struct turn *t)
{
	unlist(t);
}

/* ---- while Redis is away: checkpoints to PostgreSQL --------------------------- */

struct checkpoint {
	struct heartbeat_work work; /* first: the heartbeat knows this */
	char task_id[UUID_LEN];
	int seq;
	uint64_t offset;
	char *text;
};

/* The heartbeat's thread.  What cannot be written is lost to the sweeper only if
 * this process dies too. */
static void
write_checkpoint(struct heartbeat_work *work, struct pg *pg)
{
	struct checkpoint *c = (struct checkpoint *)(void *)work;

	if (pg_query(pg, NULL,
		"INSERT INTO task_journal (task_id, seq, offset_bytes, text) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT DO NOTHING",
		PS(c->task_id), PI(c->seq), PI(c->offset), PS(c->text)) != OK)
		LOG(WARN, "checkpoint_failed", LS("task_id", c->task_id), LS("error", pg_error(pg)));
	free(c->text);
	free(c);
}

/* The text of the answer only. */
void
journal_checkpoint(struct process *p)
{
	for (size_t i = 0; i < PROCESS_TURN_BUCKETS; i++) {
		for (struct turn *t = p->turns[i]; t != NULL; t = t->next) {
			struct checkpoint *c;

			if (!t->journal_gap || t->text.len <= t->checkpoint || t->state == TURN_SETTLING)
				continue;
			c = xcalloc(1, sizeof(*c));
			c->work.run = write_checkpoint;
			c->text = xstrdup(t->text.data + t->checkpoint);
			memcpy(c->task_id, t->task_id, UUID_LEN);
			c->seq = t->checkpoint_seq++;
			c->offset = t->checkpoint;
			t->checkpoint = t->text.len;
			heartbeat_do(p->heartbeat, &c->work);
		}
	}
}
