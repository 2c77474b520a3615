/*
 * PATCH /api/me/preferences -- change what the caller prefers on all devices.
 *
 * in      any of them: theme, language (null takes it back), welcome_seen, notify_media, notify_documents, notify_answers
 * out     200 all of them
 * proof   tests/it/push/test_push.py
 */
#include "weir.h"

enum status
h_me_preferences_patch(struct request *rq)
{
	json_t *preferences;
	enum status st = preferences_change(&rq->cx, rq->json, &preferences);

	return st == OK ? reply_json(rq, 200, preferences) : st;
}
