#include "engine/pings.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "catalog/health_keep.h"
#include "engine/probe.h"
#include "io/pg.h"

#define PINGS_AT_ONCE 12

struct ping {
	int64_t channel_id, key_id;
	struct probe_spec spec;
	struct probe_result result;
};

/* What cannot even be asked is no failure of its channel. */
static bool
prepare(struct sweeper *s, struct ping *p)
{
	const char *model;
	enum status st = probe_channel_key(&s->cx, p->channel_id, p->key_id, NULL, &model, &p->spec);

	if (st == OK && p->spec.key_id == p->key_id)
		return true;
	p->result = (struct probe_result){ .status = st == OK ? E_NOT_FOUND : st, .outcome = HEALTH_CLIENT };
	return false;
}

static enum status
note(struct sweeper *s, const struct ping *p)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct conf *conf = s->cx.conf;
	const struct probe_result *r = &p->result;
	char host[256] = "?";
	const char *event;
	enum status st;

	if (r->status == E_INTERRUPTED) /* it is taken again when its minute is over */
		return OK;
	gethostname(host, sizeof(host) - 1);
	st = pg_query(s->cx.pg, &rows,
	    "SELECT channel_ping_done($1, $2, $3, $4::int, $5::int, $6, $7, $8, $9, $10) AS event", PI(p->channel_id),
	    PI(p->key_id), PS(health_class_name(r->outcome)), PI(r->http_status), PI(r->latency_ms), PS(r->detail),
	    PS(host), PI(conf->health_ping_every), PI(conf->health_probe_first), PI(conf->health_probe_max));
	if (st != OK || (event = row_text(rows, 0, "event")) == NULL)
		return st;
	for (enum health_event e = HEALTH_DOWN; e <= HEALTH_PROBE_FAILED; e++)
		if (strcmp(event, health_event_name(e)) == 0)
			health_alert(&(struct health_change){ .event = e,
					 .channel_id = p->channel_id,
					 .key_id = p->key_id,
					 .cause = r->outcome,
					 .http_status = r->http_status,
					 .detail = r->detail },
			    true);
	return OK;
}

/* Ask those that can be asked, all at once. */
static void
ask(struct sweeper *s, struct ping *pings, size_t n)
{
	struct probe_spec specs[PINGS_AT_ONCE];
	struct probe_result results[PINGS_AT_ONCE];
	struct ping *asked[PINGS_AT_ONCE];
	size_t n_asked = 0;

	for (size_t i = 0; i < n; i++)
		if (prepare(s, &pings[i])) {
			specs[n_asked] = pings[i].spec;
			asked[n_asked++] = &pings[i];
		}
	if (n_asked > 0)
		probe_run_all(&s->cx, specs, results, n_asked, s->stopping);
	for (size_t i = 0; i < n_asked; i++)
		asked[i]->result = results[i];
}

enum status
sweep_pings(struct sweeper *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct ping pings[PINGS_AT_ONCE];
	enum status st, first = OK;
	int n;

	st = pg_query(s->cx.pg, &rows, "SELECT channel_id, key_id FROM channel_pings_take($1::int, $2, $3)",
	    PI(PINGS_AT_ONCE), PI(s->cx.conf->health_ping_every), PI(s->cx.conf->health_probe_first));
	if (st != OK)
		return st;
	n = rows_count(rows);
	for (int i = 0; i < n; i++)
		pings[i] = (struct ping){ .channel_id = row_int(rows, i, "channel_id"),
			.key_id = row_int(rows, i, "key_id") };
	ask(s, pings, (size_t)n);
	for (int i = 0; i < n; i++)
		if ((st = note(s, &pings[i])) != OK && first == OK)
			first = st;
	return first;
}
