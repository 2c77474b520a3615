#include "jobs/queue.h"

#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "io/pg.h"

static enum status
submit(struct context *cx, const struct job_ask *ask, const char *payload, char id[UUID_LEN])
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char *sealed = NULL;
	size_t len = 0;
	enum status st;

	if (ask->secret != NULL && (st = secret_seal(cx->arena, cx->conf, ask->secret, &sealed, &len)) != OK)
		return fail(cx, st, "sealing the secret of a job");
	/* asked twice with one id it changes nothing: in a transaction of its own it may be */
	st = pg_run(cx->pg, &rows,
	    "SELECT job_submit($1::uuid, $2, $3::jsonb, $4::bytea, $5, $6::uuid, $7::bigint, $8::int) AS id",
	    PG_ARGS(PS(id), PS(ask->kind), PS(payload), sealed == NULL ? PNULL : PX(sealed, len), PS(ask->unique_key),
		PS(ask->user_id), PI(ask->delay_ms), PI(ask->priority)) +
		1,
	    8, !pg_in_transaction(cx->pg));
	if (st != OK)
		return fail(cx, st, "submit job %s: %s", ask->kind, pg_error(cx->pg));
	memcpy(id, row_text(rows, 0, "id"), UUID_LEN);
	return OK;
}

enum status
job_submit(struct context *cx, const struct job_ask *ask, char id[UUID_LEN])
{
	char own[UUID_LEN], *payload = ask->payload == NULL ? NULL : json_dumps(ask->payload, JSON_WIRE);
	enum status st;

	uuid_v7(own);
	st = submit(cx, ask, payload == NULL ? "{}" : payload, own);
	free(payload);
	json_decref(ask->payload);
	if (st == OK && id != NULL)
		memcpy(id, own, UUID_LEN);
	return st;
}
