#include "catalog/health_keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/heartbeat.h"
#include "io/pg.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "score/pairs.h"

#define LOOK_MS 500	     /* how often a process asks whether it is its turn */
#define KEEP_MS 2000	     /* from one round of a host to the next */
#define TURN_MS 30000	     /* for so long a round may take, before somebody else has the next */
#define PAST_MS 60000	     /* what another host opened until then is forgotten by so much later */
#define SHARED_TTL "7200000" /* ms, of the whole hash: longer than anything is open */

struct health_keeper {
	struct process *process;
	struct reactor_timer *timer;
	struct heartbeat_work round;
	atomic_bool at_work; /* the round is handed over */
	char host[256], hash[256];
	char board[17]; /* names this host's table among those of others */
};

/* ---- alerts ------------------------------------------------------------------------------ */

void
health_alert(const struct health_change *change, bool is_stored)
{
	bool is_good = change->event == HEALTH_UP || change->event == HEALTH_KEY_ON;
	char event[32];

	snprintf(event, sizeof(event), "channel_%s", health_event_name(change->event));
	if (is_good)
		LOG(INFO, event, LI("channel_id", change->channel_id), LI("key_id", change->key_id),
		    LI("stored", is_stored));
	else
		LOG(WARN, event, LI("channel_id", change->channel_id), LI("key_id", change->key_id),
		    LS("cause", health_class_name(change->cause)), LI("http_status", change->http_status),
		    LS("detail", change->detail), LI("stored", is_stored));
}

/* ---- changes --------------------------------------------------------------------------------- */

/* One on its way: to the reactor, then to the heartbeat's thread. */
struct news {
	struct heartbeat_work work; /* first */
	struct health_keeper *keeper;
	struct health_change change;
	char detail[256];
};

/* The database has it that this key is off, or will not have it so. */
static void
mark_stored(struct pair *pair)
{
	uint64_t word = atomic_load(&pair->breaker);
	struct pair_breaker b = pair_breaker_of(word);

	while (b.state == PAIR_OFF && !b.stored) {
		b.stored = true;
		if (atomic_compare_exchange_strong(&pair->breaker, &word, pair_breaker_word(&b)))
			return;
		b = pair_breaker_of(word);
	}
}

/* True: this turned it off. */
static bool
write_off(struct health_keeper *k, struct pg *pg, const struct health_change *c, struct pair *pair)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(pg, &rows, "SELECT channel_key_off($1, $2, $3, $4::int, $5, $6, $7) AS off",
		PI(c->channel_id), PI(c->key_id), PS(health_class_name(c->cause)), PI(c->http_status), PS(c->detail),
		PS(k->host), PI(k->process->conf->health_probe_first)) != OK)
		return false;
	mark_stored(pair);
	return row_bool(rows, 0, "off");
}

static bool
write_event(struct health_keeper *k, struct pg *pg, const struct health_change *c)
{
	return pg_query(pg, NULL, "SELECT channel_event_add($1, $2, $3, $4, $5::int, $6, $7, $8)",
		   PS(health_event_name(c->event)), PI(c->channel_id), PI(c->key_id), PS(health_class_name(c->cause)),
		   PI(c->http_status), PI(c->until_ms), PS(c->detail), PS(k->host)) == OK;
}

/* The heartbeat's thread. */
static void
store_news(struct heartbeat_work *work, struct pg *pg)
{
	struct news *n = (struct news *)(void *)work;
	const struct health_change *c = &n->change;
	struct pair *pair = pairs_find(health_pairs(n->keeper->process->health), c->channel_id, c->key_id);

	if (c->event != HEALTH_KEY_OFF || pair == NULL)
		health_alert(c, write_event(n->keeper, pg, c));
	else if (write_off(n->keeper, pg, c, pair)) /* else another host did, or it is tried again */
		health_alert(c, true);
	free(n);
}

/* What other hosts have to know; without Redis they find out themselves. */
static void
share(struct health_keeper *k, const struct health_change *c)
{
	char field[48], value[64];
	const char *const set[] = { "HSET", k->hash, field, value }, *const del[] = { "HDEL", k->hash, field },
			  *const expire[] = { "PEXPIRE", k->hash, SHARED_TTL };

	if (c->elsewhere || (c->event != HEALTH_DOWN && c->event != HEALTH_UP))
		return;
	snprintf(field, sizeof(field), "%" PRId64 ":%" PRId64, c->channel_id, c->key_id);
	snprintf(value, sizeof(value), "%" PRId64 " %d %s", c->until_ms, (int)c->cause, k->board);
	if (c->event == HEALTH_UP)
		redis_async_command(k->process->redis, NULL, NULL, 3, del, NULL);
	else if (redis_async_command(k->process->redis, NULL, NULL, 4, set, NULL))
		redis_async_command(k->process->redis, NULL, NULL, 3, expire, NULL);
}

static void
hear_news(void *arg)
{
	struct news *n = arg;
	struct health_keeper *k = n->keeper;

	share(k, &n->change);
	n->work.run = store_news;
	if (!n->change.again && !n->change.elsewhere && k->process->heartbeat != NULL)
		heartbeat_do(k->process->heartbeat, &n->work);
	else
		free(n);
}

/* Any thread. */
static void
on_change(void *arg, const struct health_change *change)
{
	struct news *n = xcalloc(1, sizeof(*n));

	n->keeper = arg;
	n->change = *change;
	snprintf(n->detail, sizeof(n->detail), "%s", change->detail == NULL ? "" : change->detail);
	n->change.detail = n->detail;
	reactor_post(n->keeper->process->reactor, hear_news, n);
}

/* ---- counts, on the heartbeat's thread ------------------------------------------------------------ */

/* What is not in the database yet of one pair. */
struct delta {
	struct pair *pair;
	uint64_t n[PAIR_COUNTS];
};

static bool
take_delta(struct pair *pair, struct delta *d)
{
	bool any = false;

	d->pair = pair;
	for (int i = 0; i < PAIR_COUNTS; i++) {
		d->n[i] = atomic_load(&pair->counts[i]) - atomic_load(&pair->stored[i]);
		any = any || d->n[i] != 0;
	}
	return any;
}

static void
put_delta(struct buf *out, const struct delta *d, int64_t channel_id, int64_t key_id)
{
	static const struct {
		const char *name;
		int what;
	} columns[] = { { "tries", PAIR_TRIES }, { "successes", PAIR_SUCCESSES }, { "skips", PAIR_SKIPS },
		{ "switches", PAIR_SWITCHES }, { "opens", PAIR_OPENS }, { "first_bytes", PAIR_FIRST_BYTES },
		{ "first_byte_ms", PAIR_FIRST_BYTE_MS } };

	buf_printf(
	    out, "%s{\"channel_id\":%" PRId64 ",\"key_id\":%" PRId64, out->len > 1 ? "," : "", channel_id, key_id);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		buf_printf(out, ",\"%s\":%" PRIu64, columns[i].name, d->n[columns[i].what]);
	for (int c = HEALTH_FINE + 1; c < HEALTH_CLASSES; c++)
		buf_printf(out, ",\"%s\":%" PRIu64, health_class_name((enum health_class)c), d->n[PAIR_FAILURES + c]);
	buf_puts(out, ",\"histogram\":[");
	for (int i = 0; i < SCORE_BUCKETS; i++)
		buf_printf(out, "%s%" PRIu64, i > 0 ? "," : "", d->n[PAIR_HISTOGRAM + i]);
	buf_puts(out, "]}");
}

/* Counts are marked as stored when they are: who is killed in between has them counted twice,
 * and a database that is away loses none. */
static void
write_counts(struct health_keeper *k, struct pg *pg)
{
	struct pairs *pairs = health_pairs(k->process->health);
	struct delta *all = xcalloc(atomic_load(&pairs->n_used) + 1, sizeof(*all));
	struct buf text = BUF_INIT(0);
	uint32_t at = 0, room = atomic_load(&pairs->n_used), n = 0;
	int64_t channel_id, key_id;
	struct pair *pair;

	buf_puts(&text, "[");
	while (n < room && (pair = pairs_next(pairs, &at, &channel_id, &key_id)) != NULL)
		if (take_delta(pair, &all[n]))
			put_delta(&text, &all[n++], channel_id, key_id);
	buf_puts(&text, "]");
	if (n > 0 && pg_query(pg, NULL, "SELECT channel_hours_add($1::json)", PS(buf_str(&text))) == OK)
		for (uint32_t i = 0; i < n; i++)
			for (int what = 0; what < PAIR_COUNTS; what++)
				atomic_fetch_add(&all[i].pair->stored[what], all[i].n[what]);
	buf_free(&text);
	free(all);
}

/* ---- what others did, on the heartbeat's thread ------------------------------------------------------ */

static enum health_class
class_named(const char *name)
{
	for (int c = 0; name != NULL && c < HEALTH_CLASSES; c++)
		if (strcmp(name, health_class_name((enum health_class)c)) == 0)
			return (enum health_class)c;
	return HEALTH_CLIENT;
}

/* The keys that are off here, as PostgreSQL writes an array; those that the database does not
 * have so are written anew. */
static void
list_off(struct health_keeper *k, struct pg *pg, struct buf *out)
{
	struct pairs *pairs = health_pairs(k->process->health);
	int64_t channel_id, key_id;
	uint32_t at = 0;
	struct pair *pair;

	buf_puts(out, "{");
	while ((pair = pairs_next(pairs, &at, &channel_id, &key_id)) != NULL) {
		struct pair_breaker b = pair_breaker_of(atomic_load(&pair->breaker));
		struct pair_failure last = pair_failure_of(atomic_load(&pair->last_failure));
		struct health_change c = { HEALTH_KEY_OFF, .channel_id = channel_id, .key_id = key_id,
			.cause = (enum health_class)(b.cause % HEALTH_CLASSES), .http_status = last.http_status };

		if (b.state != PAIR_OFF)
			continue;
		if (!b.stored && write_off(k, pg, &c, pair))
			health_alert(&c, true);
		if (pair_breaker_of(atomic_load(&pair->breaker)).stored)
			buf_printf(out, "%s%" PRId64, out->len > 1 ? "," : "", key_id);
	}
	buf_puts(out, "}");
}

static void
learn_on(struct health_keeper *k, int64_t on_id)
{
	struct pairs *pairs = health_pairs(k->process->health);
	int64_t channel_id, key_id;
	uint32_t at = 0;

	while (pairs_next(pairs, &at, &channel_id, &key_id) != NULL)
		if (key_id == on_id)
			health_learn_on(k->process->health, channel_id, key_id);
}

static void
learn(struct health_keeper *k, const struct rows *rows, int row)
{
	struct pairs *pairs = health_pairs(k->process->health);
	int64_t channel_id = row_int(rows, row, "channel_id"), key_id = row_int(rows, row, "key_id");

	if (channel_id != 0)
		health_learn_ping(k->process->health, channel_id, key_id, class_named(row_text(rows, row, "outcome")),
		    (int)row_int(rows, row, "http_status"), row_int(rows, row, "first_byte_ms"));
	else if (key_id != 0)
		learn_on(k, key_id);
	else
		atomic_store(&pairs->seen_us, row_int(rows, row, "at_us"));
}

static void
read_news(struct health_keeper *k, struct pg *pg)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct buf off = BUF_INIT(0);

	list_off(k, pg, &off);
	if (pg_query_again(pg, &rows,
		"SELECT channel_id, key_id, outcome, http_status, first_byte_ms, at_us"
		" FROM channel_health_news($1, $2::bigint[])",
		PI(atomic_load(&health_pairs(k->process->health)->seen_us)), PS(buf_str(&off))) == OK)
		for (int i = 0; i < rows_count(rows); i++)
			learn(k, rows, i);
	buf_free(&off);
}

/* ---- what other hosts did ------------------------------------------------------------------------------ */

static bool
has_field(const struct redis_reply *reply, const char *field)
{
	for (size_t i = 0; i + 1 < redis_reply_length(reply); i += 2) {
		const char *there = redis_reply_text(redis_reply_at(reply, i), NULL);

		if (there != NULL && strcmp(there, field) == 0)
			return true;
	}
	return false;
}

static void
learn_opened(struct health_keeper *k, const char *field, const char *value)
{
	int64_t channel_id, key_id, until_ms;
	char board[17];
	int cause;

	if (field == NULL || value == NULL || sscanf(field, "%" SCNd64 ":%" SCNd64, &channel_id, &key_id) != 2 ||
	    sscanf(value, "%" SCNd64 " %d %16s", &until_ms, &cause, board) != 3 || cause < 0 || cause >= HEALTH_CLASSES)
		return;
	if (until_ms + PAST_MS < clock_wall_ms()) {
		const char *const del[] = { "HDEL", k->hash, field };

		redis_async_command(k->process->redis, NULL, NULL, 3, del, NULL);
	} else if (strcmp(board, k->board) != 0) {
		health_learn_open(k->process->health, channel_id, key_id, (enum health_class)cause, until_ms);
	}
}

static void
on_shared(void *arg, const struct redis_reply *reply)
{
	struct health_keeper *k = arg;
	struct pairs *pairs = health_pairs(k->process->health);
	int64_t channel_id, key_id;
	uint32_t at = 0;
	struct pair *pair;

	if (reply == NULL || redis_reply_type(reply) != REDIS_T_ARRAY)
		return;
	for (size_t i = 0; i + 1 < redis_reply_length(reply); i += 2)
		learn_opened(k, redis_reply_text(redis_reply_at(reply, i), NULL),
		    redis_reply_text(redis_reply_at(reply, i + 1), NULL));
	while ((pair = pairs_next(pairs, &at, &channel_id, &key_id)) != NULL) {
		char field[48];

		snprintf(field, sizeof(field), "%" PRId64 ":%" PRId64, channel_id, key_id);
		if (pair_breaker_of(atomic_load(&pair->breaker)).elsewhere && !has_field(reply, field))
			health_learn_closed(k->process->health, channel_id, key_id);
	}
}

/* ---- rounds ------------------------------------------------------------------------------------------------ */

/* Is it this process' turn?  `early`: the pause between two rounds need not be over, but a round that is
 * under way must be.  The clock may have been put back. */
static bool
take_turn(struct pairs *pairs, bool early)
{
	int64_t now_ms = clock_wall_ms(), turn_ms = atomic_load(&pairs->turn_ms);
	int64_t left_ms = turn_ms - now_ms;

	return (left_ms <= (early ? KEEP_MS : 0) || left_ms > TURN_MS) &&
	    atomic_compare_exchange_strong(&pairs->turn_ms, &turn_ms, now_ms + TURN_MS);
}

/* The heartbeat's thread. */
static void
keep(struct heartbeat_work *work, struct pg *pg)
{
	struct health_keeper *k = (struct health_keeper *)(void *)((char *)work -
	    offsetof(struct health_keeper, round));

	write_counts(k, pg);
	read_news(k, pg);
	atomic_store(&health_pairs(k->process->health)->turn_ms, clock_wall_ms() + KEEP_MS);
	atomic_store(&k->at_work, false);
}

static bool
begin_round(struct health_keeper *k, bool early)
{
	if (k->process->heartbeat == NULL || atomic_load(&k->at_work) ||
	    !take_turn(health_pairs(k->process->health), early))
		return false;
	atomic_store(&k->at_work, true);
	heartbeat_do(k->process->heartbeat, &k->round);
	return true;
}

static void
on_look(void *arg)
{
	struct health_keeper *k = arg;
	const char *const all[] = { "HGETALL", k->hash };

	if (begin_round(k, false))
		redis_async_command(k->process->redis, on_shared, k, 2, all, NULL);
	reactor_timer_start(k->timer, LOOK_MS);
}

void
health_keep_flush(struct process *p)
{
	if (p->health_keeper != NULL)
		begin_round(p->health_keeper, true);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void
health_keep_start(struct process *p, struct scoreboard *board)
{
	struct health_rules rules = health_rules_of(p->conf);
	struct health_keeper *k;
	uint64_t lot;

	if ((p->health = health_new(scoreboard_pairs(board), &rules, NULL)) == NULL)
		return;
	k = p->health_keeper = xcalloc(1, sizeof(*k));
	k->process = p;
	k->round.run = keep;
	if (gethostname(k->host, sizeof(k->host) - 1) != 0)
		k->host[0] = '?';
	snprintf(k->hash, sizeof(k->hash), "%shealth", p->conf->redis_prefix);
	crypto_random(&lot, sizeof(lot));
	snprintf(k->board, sizeof(k->board), "%016" PRIx64, pairs_identity(health_pairs(p->health), lot));
	k->timer = reactor_timer_new(p->reactor, on_look, k);
	health_listen(p->health, on_change, k);
	reactor_timer_start(k->timer, LOOK_MS);
}

void
health_keep_free(struct process *p)
{
	if (p->health_keeper != NULL)
		reactor_timer_free(p->health_keeper->timer);
	free(p->health_keeper);
	health_free(p->health);
	p->health_keeper = NULL;
	p->health = NULL;
}
