#include "media/called.h"

#include <string.h>

#include "base/crypto.h"
#include "wire/media.h"

enum status
media_called(
    struct context *cx, const char *provider, const char *task_id, const char *token, const char *body, size_t len)
{
	const struct media_wire *wire = media_wire_find(provider);
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES];
	enum status st;

	if (wire == NULL || wire->called == NULL || task_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such callback");
	crypto_sha256(token, strlen(token), hash);
	st = pg_query_again(cx->pg, &rows, "SELECT media_called($1::uuid, $2, $3::bytea, $4) AS known", PS(task_id),
	    PS(provider), PX(hash, SHA256_BYTES), PS(body == NULL ? NULL : wire->called(wire, cx->arena, body, len)));
	if (st != OK)
		return fail(cx, st, "callback of %s: %s", task_id, pg_error(cx->pg));
	return row_bool(rows, 0, "known") ? OK : fail(cx, E_NOT_FOUND, "callback of %s: not known", task_id);
}
