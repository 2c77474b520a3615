#include "ops/overview.h"

#include <string.h>

#include "core/mail.h"

static const char overview_sql[] =
    "SELECT json_build_object('days', $1::int,"
    " 'users', (SELECT count(*) FROM users WHERE status = 'active'),"
    " 'active_users', (SELECT count(DISTINCT h.user_id) FROM usage_hours h"
    "  WHERE h.hour >= date_trunc('day', now(), 'UTC') - make_interval(days => $1::int - 1)),"
    " 'objects', o.n, 'stored_bytes', o.bytes) AS json,"
    " EXISTS (SELECT FROM channel_hours c WHERE c.successes > 0 AND c.hour > now() - interval '7 days') AS answered,"
    " EXISTS (SELECT FROM llm_models m WHERE m.enabled"
    "  AND EXISTS (SELECT FROM prices p WHERE p.model_id = m.id)"
    "  AND EXISTS (SELECT FROM channel_models cm JOIN channels c ON c.id = cm.channel_id"
    "   WHERE cm.model_id = m.id AND c.enabled)) AS offered"
    " FROM (SELECT count(*) AS n, coalesce(sum(size_bytes), 0)::bigint AS bytes FROM objects) o";

enum status
overview(struct context *cx, int64_t days, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct conf *conf = cx->conf;
	json_t *setup;
	enum status st = pg_query_again(cx->pg, &rows, overview_sql, PI(days));

	if (st != OK)
		return fail(cx, st, "overview: %s", pg_error(cx->pg));
	setup = json_object();
	json_object_set_new(setup, "channel", json_boolean(row_bool(rows, 0, "answered")));
	json_object_set_new(setup, "model", json_boolean(row_bool(rows, 0, "offered")));
	json_object_set_new(setup, "gift", json_boolean(conf->auth_signup_gift > 0));
	json_object_set_new(setup, "mail", json_boolean(mail_configured(conf)));
	json_object_set_new(setup, "https", json_boolean(strncmp(conf->server_base_url, "https://", 8) == 0));
	*out = row_json(rows, 0, "json");
	json_object_set_new(*out, "setup", setup);
	return OK;
}
