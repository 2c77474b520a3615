/*
 * GET /api/me/preferences -- what the caller prefers on all devices.
 *
 * out     200 {theme, language, welcome_seen, notify_media, notify_documents, notify_answers}
 * proof   tests/it/push/test_push.py
 */
#include "weir.h"

enum status
h_me_preferences_get(struct request *rq)
{
	json_t *preferences;
	enum status st = preferences_get(&rq->cx, &preferences);

	return st == OK ? reply_json(rq, 200, preferences) : st;
}
