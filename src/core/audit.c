#include "core/audit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct entry {
	const char *user_id, *action, *object, *result, *ip, *user_agent, *request_id;
	json_t *details; /* taken over */
};

static void
write_entry(struct pg *pg, const struct entry *e)
{
	char *details = e->details == NULL ? NULL : json_dumps(e->details, JSON_WIRE);
	/* told twice is better than not at all */
	enum status st = pg_query_again(pg, NULL,
	    "INSERT INTO audit_log (user_id, action, object, details, result, ip, user_agent, request_id)"
	    " VALUES ($1::uuid, $2, $3, coalesce($4::jsonb, '{}'), $5, $6::inet, $7, $8)",
	    PS(e->user_id), PS(e->action), PS(e->object), PS(details), PS(e->result), PS(e->ip), PS(e->user_agent),
	    PS(e->request_id));

	/* what could not be kept there must at least stand in the log */
	if (st != OK)
		LOG(ERROR, "audit_lost", LS("action", e->action), LS("object", e->object), LS("result", e->result),
		    LS("reason", pg_error(pg)));
	free(details);
	json_decref(e->details);
}

const char *
audit_address(const char *ip)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (ip == NULL || (inet_pton(AF_INET, ip, bytes) != 1 && inet_pton(AF_INET6, ip, bytes) != 1))
		return NULL;
	return ip;
}

static void
write_late(struct context *cx, void *entry)
{
	write_entry(cx->pg, entry);
}

void
audit(struct context *cx, const char *action, const char *object, const char *result, json_t *details)
{
	struct entry *e = ARENA_NEW(cx->arena, struct entry);

	*e = (struct entry){
		.user_id = cx->caller.user_id,
		.action = action,
		.object = object,
		.result = result,
		.ip = audit_address(cx->client_ip),
		.user_agent = cx->user_agent,
		.request_id = cx->request_id,
		.details = details,
	};
	if (strcmp(result, "ok") == 0)
		write_entry(cx->pg, e);
	else
		after_end(cx, write_late, e);
}

void
audit_operator(struct pg *pg, const char *action, const char *object, const char *result, json_t *details)
{
	struct entry e = { .action = action, .object = object, .result = result, .details = details };
	const char *who = getenv("SUDO_USER");

	if (who == NULL)
		who = getlogin();
	if (e.details == NULL)
		e.details = json_object();
	json_object_set_new(e.details, "by", json_string("weirctl"));
	if (who != NULL)
		json_object_set_new(e.details, "operator", json_string(who));
	write_entry(pg, &e);
}

const char *
audit_user(struct context *cx, const char *user_id)
{
	return user_id == NULL ? NULL : arena_printf(cx->arena, "user:%s", user_id);
}
