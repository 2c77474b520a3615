#include "relay/affinity.h"

#include "catalog/select.h"

static const char *
told_by_header(struct request *rq)
{
	static const char *const names[] = { "x-claude-code-session-id", "session-id", "session_id", "thread-id" };
	const char *value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((value = request_header(rq, names[i])) != NULL && *value != '\0')
			return value;
	return NULL;
}

static const char *
told_by_body(const json_t *body)
{
	const char *key = json_string_value(json_object_get(body, "prompt_cache_key"));

	return key != NULL && *key != '\0'
	    ? key
	    : json_string_value(json_object_get(json_object_get(body, "metadata"), "user_id"));
}

const char *
relay_affinity(struct request *rq, const json_t *body)
{
	const char *session = told_by_header(rq);

	if (session == NULL)
		session = told_by_body(body);
	if (session == NULL || *session == '\0')
		return NULL;
	return select_session(rq->cx.arena, rq->cx.caller.user_id, session);
}
