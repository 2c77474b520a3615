#include "core/idempotency.h"

#include <string.h>

#include "base/crypto.h"
#include "core/reply.h"
#include "core/spool.h"

static bool
applies(const struct request *rq)
{
	return (rq->route->flags & ROUTE_IDEMPOTENT) && !(rq->route->flags & ROUTE_STREAM) &&
	    rq->idempotency_key != NULL && rq->cx.caller.user_id != NULL;
}

static void
hash_body(const struct request *rq, unsigned char hash[SHA256_BYTES])
{
	if (rq->spool != NULL)
		memcpy(hash, rq->spool->sha256, SHA256_BYTES);
	else
		crypto_sha256(rq->body == NULL ? "" : rq->body, rq->body_len, hash);
}

/* The answer on record, of a key that was claimed before. */
static enum status
replay(struct request *rq, const struct rows *rows)
{
	if (strcmp(row_text(rows, 0, "outcome"), "replay") != 0 || row_null(rows, 0, "status"))
		return fail(&rq->cx, E_IDEMPOTENCY_MISMATCH, NULL);
	reply_header(rq, "Idempotent-Replay", "true");
	if (row_null(rows, 0, "response")) {
		reply_empty(rq);
		rq->http_status = (int)row_int(rows, 0, "status");
		return OK;
	}
	return reply_text(rq, (int)row_int(rows, 0, "status"), "application/json",
	    arena_strdup(rq->cx.arena, row_text(rows, 0, "response")));
}

enum status
idempotency_begin(struct request *rq, bool *replayed)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES];
	char *route;
	enum status st;

	*replayed = false;
	if (!applies(rq))
		return OK;
	route = arena_printf(rq->cx.arena, "%s %s", rq->method, rq->path);
	hash_body(rq, hash);
	if ((st = pg_begin(rq->cx.pg)) != OK)
		return fail(&rq->cx, st, "idempotency key: %s", pg_error(rq->cx.pg));
	st = pg_query(rq->cx.pg, &rows,
	    "SELECT outcome, status, response::text AS response FROM key_claim($1, $2, $3, $4, NULL)",
	    PS(rq->cx.caller.user_id), PS(rq->idempotency_key), PS(route), PX(hash, SHA256_BYTES));
	if (st != OK) {
		pg_rollback(rq->cx.pg);
		return fail(&rq->cx, st, "idempotency key: %s", pg_error(rq->cx.pg));
	}
	if (strcmp(row_text(rows, 0, "outcome"), "new") == 0)
		return OK;
	st = replay(rq, rows);
	pg_rollback(rq->cx.pg);
	*replayed = st == OK;
	return st;
}

enum status
idempotency_end(struct request *rq, enum status st)
{
	if (!applies(rq) || !pg_in_transaction(rq->cx.pg))
		return st;
	if (st != OK) {
		context_rollback(&rq->cx);
		return st;
	}
	st = pg_query(rq->cx.pg, NULL,
	    "UPDATE idempotency_keys SET status = $3, response = $4::jsonb WHERE user_id = $1 AND key = $2",
	    PS(rq->cx.caller.user_id), PS(rq->idempotency_key), PI(rq->http_status), PS(rq->reply));
	if (st == OK)
		st = context_commit(&rq->cx);
	else
		context_rollback(&rq->cx);
	return st == OK ? OK : fail(&rq->cx, st, "idempotency key: %s", pg_error(rq->cx.pg));
}
