/*
 * GET /api/admin/providers -- whom a channel may name as its provider.
 *
 * out     200 {items: [{name, label, wire, base_url, note}]}: base_url is that of its API,
 *         with {parts} to be filled in; note, in the caller's language, what to know, or null
 * errors  403 no admin
 * proof   tests/it/catalog/test_providers.py
 */
#include "weir.h"

enum status
h_admin_providers_list(struct request *rq)
{
	return reply_json(rq, 200, json_pack("{s:o}", "items", providers_json(rq->cx.lang)));
}
