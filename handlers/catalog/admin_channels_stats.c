/*
 * GET /api/admin/channels/{channel_id}/stats -- how a channel fared, by the hour and by its keys.
 *
 * in      from?, to? a day or RFC 3339; at most 31 days; the last 24 hours
 * out     200 {from, to, total, hours: [], keys: []}, sums of the hours that begin in that time
 * errors  400 from or to; 403 no admin; 404
 * note    counts are some seconds old, tokens and cost up to five minutes
 * proof   tests/it/catalog/test_health.py
 */
#include "weir.h"

enum status
h_admin_channels_stats(struct request *rq)
{
	int64_t from_ms, to_ms;
	json_t *stats;
	enum status st;

	if ((st = health_span_read(rq, &from_ms, &to_ms)) != OK ||
	    (st = health_stats(&rq->cx, path_int(rq, "channel_id"), from_ms, to_ms, &stats)) != OK)
		return st;
	return reply_json(rq, 200, stats);
}
