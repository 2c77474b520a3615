/*
 * GET /api/frames -- where pages that models wrote are shown from.
 *
 * out     200 {url}: what stands before /frames/artifact.html; null: this site
 * proof   tests/it/files/test_attached.py
 */
#include "weir.h"

enum status
h_ops_frames(struct request *rq)
{
	const char *url = rq->cx.conf->server_frames_url;

	return reply_json(rq, 200, json_pack("{s:s?}", "url", *url == '\0' ? NULL : url));
}
