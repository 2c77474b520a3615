#include "bridge/bridge.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/amqp.h"
#include "io/pg.h"

#define PAUSE_FIRST_MS 1000
#define PAUSE_MAX_MS 60000
#define PRUNE_EVERY_MS 600000
#define TOPIC "{topic}"

/* Of the thread of the sweeps that wait: it outlives a reload, which may change the rest. */
static struct {
	struct amqp *broker; /* NULL: not connected */
	char *url, *exchange;
	int64_t pause_ms, not_before_ms, pruned_ms; /* monotonic */
} bridge;

/* ---- the connection ----------------------------------------------------------------- */

static void
forget(void)
{
	amqp_close(bridge.broker);
	bridge.broker = NULL;
}

/* It did not work: not again for a while. */
static void
leave(const char *why)
{
	forget();
	bridge.pause_ms = bridge.pause_ms == 0 ? PAUSE_FIRST_MS : bridge.pause_ms * 2;
	if (bridge.pause_ms > PAUSE_MAX_MS)
		bridge.pause_ms = PAUSE_MAX_MS;
	bridge.not_before_ms = clock_mono_ms() + bridge.pause_ms;
	LOG(WARN, "bridge_away", LS("why", why), LI("again_in_ms", bridge.pause_ms));
}

/* Another broker than before? */
static void
heed(const struct conf *conf)
{
	if (bridge.url != NULL && strcmp(bridge.url, conf->bridge_url) == 0 &&
	    strcmp(bridge.exchange, conf->bridge_exchange) == 0)
		return;
	forget();
	free(bridge.url);
	free(bridge.exchange);
	bridge.url = xstrdup(conf->bridge_url);
	bridge.exchange = xstrdup(conf->bridge_exchange);
	bridge.pause_ms = bridge.not_before_ms = 0;
}

static bool
is_connected(const struct conf *conf)
{
	char why[256];

	if (bridge.broker != NULL && !amqp_alive(bridge.broker))
		leave("the connection was lost");
	if (bridge.broker != NULL || clock_mono_ms() < bridge.not_before_ms)
		return bridge.broker != NULL;
	bridge.broker = amqp_open(conf->bridge_url, conf->bridge_exchange, conf->bridge_heartbeat, why, sizeof(why));
	if (bridge.broker == NULL)
		leave(why);
	else
		LOG(INFO, "bridge_connected", LS("exchange", conf->bridge_exchange));
	return bridge.broker != NULL;
}

/* ---- messages ------------------------------------------------------------------------- */

/* [bridge] routing_key with the topic in its place. */
static const char *
routing_key(struct arena *a, const char *pattern, const char *topic)
{
	const char *at = strstr(pattern, TOPIC);

	if (at == NULL)
		return pattern;
	return arena_printf(a, "%.*s%s%s", (int)(at - pattern), pattern, topic, at + strlen(TOPIC));
}

/* Is it one of the words of `list`? */
static bool
is_wanted(const char *list, const char *topic)
{
	size_t len = strlen(topic);

	if (*list == '\0')
		return true;
	for (const char *at = list; (at = strstr(at, topic)) != NULL; at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
			return true;
	return false;
}

static size_t
make_messages(struct sweeper *s, const struct rows *rows, struct amqp_message *out)
{
	const struct conf *conf = s->cx.conf;
	size_t n = 0;

	for (int i = 0; i < rows_count(rows); i++) {
		const char *topic = row_text(rows, i, "topic");

		if (is_wanted(conf->bridge_topics, topic))
			out[n++] = (struct amqp_message){ .id = row_text(rows, i, "id"),
				.topic = topic,
				.routing_key = routing_key(s->cx.arena, conf->bridge_routing_key, topic),
				.body = row_text(rows, i, "body"),
				.at_s = row_int(rows, i, "at_s") };
	}
	return n;
}

static enum status
remove_rows(struct pg *pg, const struct rows *rows)
{
	struct buf ids = BUF_INIT(0);
	enum status st;

	for (int i = 0; i < rows_count(rows); i++)
		buf_printf(&ids, "%c%s", i == 0 ? '{' : ',', row_text(rows, i, "id"));
	buf_puts(&ids, "}");
	st = pg_query(pg, NULL, "DELETE FROM event_outbox WHERE id = ANY ($1::bigint[])", PS(ids.data));
	buf_free(&ids);
	return st;
}

/* Rows that no other worker has in hand; *n: how many. */
static enum status
publish_some(struct sweeper *s, int *n)
{
	struct amqp_message messages[AMQP_BATCH_MAX];
	AUTO_ROWS struct rows *rows = NULL;
	char why[256];
	size_t wanted;
	enum status st;

	st = pg_query(s->cx.pg, &rows,
	    "SELECT id::text AS id, topic, (body || jsonb_build_object('id', id, 'topic', topic, 'at', created_at))::text AS body,"
	    " extract(epoch FROM created_at)::bigint AS at_s"
	    " FROM event_outbox ORDER BY event_outbox.id LIMIT $1 FOR UPDATE SKIP LOCKED",
	    PI(AMQP_BATCH_MAX));
	if (st != OK || (*n = rows_count(rows)) == 0)
		return st;
	wanted = make_messages(s, rows, messages);
	if (wanted > 0 && amqp_publish(bridge.broker, messages, wanted, why, sizeof(why)) != OK) {
		leave(why);
		*n = 0;
		return OK;
	}
	bridge.pause_ms = 0;
	return remove_rows(s->cx.pg, rows);
}

static enum status
publish_all(struct sweeper *s)
{
	enum status st;
	int n;

	do {
		n = 0;
		if ((st = pg_begin(s->cx.pg)) != OK)
			return st;
		if ((st = publish_some(s, &n)) != OK) {
			pg_rollback(s->cx.pg);
			return st;
		}
		if ((st = pg_commit(s->cx.pg)) != OK)
			return st;
	} while (n == AMQP_BATCH_MAX && !s->stopping());
	return OK;
}

/* ---- the sweep --------------------------------------------------------------------------- */

static enum status
prune(struct sweeper *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (bridge.pruned_ms != 0 && clock_mono_ms() - bridge.pruned_ms < PRUNE_EVERY_MS)
		return OK;
	bridge.pruned_ms = clock_mono_ms();
	st = pg_query_again(s->cx.pg, &rows, "SELECT events_prune($1::int) AS n", PI(s->cx.conf->bridge_keep_days));
	if (st == OK && row_int(rows, 0, "n") > 0)
		LOG(ERROR, "events_given_up", LI("count", row_int(rows, 0, "n")),
		    LI("days", s->cx.conf->bridge_keep_days));
	return st;
}

enum status
bridge_sweep(struct sweeper *s)
{
	enum status st;

	heed(s->cx.conf);
	if (*s->cx.conf->bridge_url == '\0')
		return OK;
	if ((st = prune(s)) != OK || !is_connected(s->cx.conf))
		return st;
	return publish_all(s);
}
