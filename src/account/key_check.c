#include <string.h>
#include <strings.h>

#include "account/key_cache.h"
#include "account/key_use.h"
#include "account/keys.h"
#include "core/audit.h"
#include "core/versions.h"

/* Why a key is refused: for the log, and for who has the key. */
static const struct refusal {
	enum status status;
	const char *why, *en, *zh;
} mistyped = { E_UNAUTHENTICATED, "no whole key", "This API key is not complete, or a character of it is wrong.",
	"API 密钥不完整或有误" },
  unknown = { E_UNAUTHENTICATED, "unknown", "There is no such API key (any more).", "该 API 密钥不存在或已删除" },
  revoked = { E_UNAUTHENTICATED, "revoked", "This API key was revoked.", "该 API 密钥已被吊销" },
  expired = { E_UNAUTHENTICATED, "expired", "This API key has expired.", "该 API 密钥已过期" },
  replaced = { E_UNAUTHENTICATED, "replaced", "Another API key has taken the place of this one.",
	  "该 API 密钥已被新密钥替换" },
  locked = { E_FORBIDDEN, "locked", "This API key is locked.", "该 API 密钥已被锁定" },
  disabled = { E_ACCOUNT_DISABLED, "its user is disabled", NULL, NULL },
  elsewhere = { E_FORBIDDEN, "address not allowed", "This API key may not be used from this address.",
	  "该 API 密钥不允许从此地址使用" };

/* Never with the key itself. */
static enum status
refuse(struct context *cx, const struct refusal *r, const char *text, const char *id)
{
	char shown[KEY_SHOWN_LEN];

	key_text_shown(text, shown);
	fail(cx, r->status, "API key %s... (%s): %s", shown, id == NULL ? "no id" : id, r->why);
	if (r->en != NULL)
		fail_message(cx, r->en, r->zh);
	return r->status;
}

/* The client's address as PostgreSQL reads it; an IPv4 address in IPv6 (::ffff:) as itself. */
static const char *
client_address(const struct context *cx)
{
	const char *ip = cx->client_ip;

	if (ip != NULL && strncasecmp(ip, "::ffff:", 7) == 0 && strchr(ip, '.') != NULL)
		ip += 7;
	return audit_address(ip);
}

/* $1 hash, $2 address.  k is the key, b the one whose limits count: itself, or what took its place. */
static const char check_sql[] =
    "SELECT k.id, k.user_id, k.status, coalesce(k.expires_at <= now(), false) AS over, u.status = 'active' AS active,"
    " b.allow_ips IS NULL OR coalesce($2::inet <<= ANY (b.allow_ips), false) AS address_ok,"
    " b.id AS shared_id, to_jsonb(b.models) AS models, to_jsonb(b.scopes) AS scopes, b.rpm, b.tpm, b.max_concurrent,"
    " b.budget IS NOT NULL AS has_budget, coalesce(b.user_group, u.user_group) AS user_group,"
    " (SELECT version FROM keys_version) AS version,"
    " k.allow_ips IS NOT NULL OR b.allow_ips IS NOT NULL AS bound,"
    " coalesce((extract(epoch FROM k.expires_at) * 1000)::bigint, 0) AS expires_ms"
    " FROM api_keys k JOIN api_keys b ON b.id = coalesce(k.rotated_to, k.id) JOIN users u ON u.id = k.user_id"
    " WHERE k.hash = $1";

static const struct refusal *
judge(const struct rows *rows)
{
	const char *status = row_text(rows, 0, "status");

	if (strcmp(status, "revoked") == 0)
		return &revoked;
	if (strcmp(status, "locked") == 0)
		return &locked;
	if (row_bool(rows, 0, "over") || strcmp(status, "expired") == 0)
		return strcmp(status, "rotated") == 0 ? &replaced : &expired;
	if (!row_bool(rows, 0, "active"))
		return &disabled;
	return row_bool(rows, 0, "address_ok") ? NULL : &elsewhere;
}

static const json_t *
names(struct context *cx, const struct rows *rows, const char *column)
{
	return row_null(rows, 0, column) ? NULL : json_own(cx->arena, row_json(rows, 0, column));
}

static void
fill_caller(struct context *cx, const struct rows *rows)
{
	struct key_limits *limits = ARENA_NEW(cx->arena, struct key_limits);

	*limits = (struct key_limits){
		.shared_id = arena_strdup(cx->arena, row_text(rows, 0, "shared_id")),
		.models = names(cx, rows, "models"),
		.scopes = names(cx, rows, "scopes"),
		.rpm = row_int(rows, 0, "rpm"),
		.tpm = row_int(rows, 0, "tpm"),
		.max_concurrent = row_int(rows, 0, "max_concurrent"),
		.has_budget = row_bool(rows, 0, "has_budget"),
	};
	cx->caller = (struct principal){
		.user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id")),
		.key_id = arena_strdup(cx->arena, row_text(rows, 0, "id")),
		.group = arena_strdup(cx->arena, row_text(rows, 0, "user_group")),
		.limits = limits,
	};
}

/* Is it kept, and true now? */
static bool
find_kept(struct context *cx, const unsigned char hash[SHA256_BYTES])
{
	const struct key_kept *kept;
	char version[VERSION_LEN];

	if (cx->process == NULL || !versions_current(cx->process, VERSION_KEYS, version) ||
	    (kept = key_cache_find(cx->process->key_cache, hash, version, cx->arena)) == NULL)
		return false;
	cx->caller = (struct principal){
		.user_id = kept->user_id, .key_id = kept->key_id, .group = kept->group, .limits = kept->limits
	};
	return true;
}

/* What was read just now, in one snapshot with the version. */
static void
keep(struct context *cx, const unsigned char hash[SHA256_BYTES], const struct rows *rows)
{
	if (cx->process != NULL && !row_bool(rows, 0, "bound"))
		key_cache_put(cx->process->key_cache, hash, row_text(rows, 0, "version"),
		    &(struct key_kept){ .user_id = cx->caller.user_id,
			.key_id = cx->caller.key_id,
			.group = cx->caller.group,
			.limits = cx->caller.limits,
			.expires_ms = row_int(rows, 0, "expires_ms") });
}

enum status
key_check(struct context *cx, const char *text)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES];
	const struct refusal *refusal;
	enum status st;

	if (!key_text_is_whole(text))
		return refuse(cx, &mistyped, text, NULL);
	crypto_sha256(text, strlen(text), hash);
	if (find_kept(cx, hash))
		return OK;
	st = pg_query_again(cx->pg, &rows, check_sql, PX(hash, sizeof(hash)), PS(client_address(cx)));
	if (st != OK)
		return fail(cx, st, "looking up an API key");
	if (rows_count(rows) == 0)
		return refuse(cx, &unknown, text, NULL);
	if ((refusal = judge(rows)) != NULL) {
		key_refused(cx, row_text(rows, 0, "id"));
		return refuse(cx, refusal, text, row_text(rows, 0, "id"));
	}
	fill_caller(cx, rows);
	keep(cx, hash, rows);
	return OK;
}

/* ---- what it may do --------------------------------------------------------------- */

static bool
is_among(const json_t *names, const char *name)
{
	const json_t *n;
	size_t i;

	json_array_foreach(names, i, n)
		if (strcmp(json_string_value(n), name) == 0)
			return true;
	return names == NULL;
}

bool
key_may_use_model(const struct principal *caller, const char *model)
{
	return caller->limits == NULL || is_among(caller->limits->models, model);
}

enum status
key_need_scope(struct context *cx, const char *scope)
{
	if (cx->caller.limits == NULL || is_among(cx->caller.limits->scopes, scope))
		return OK;
	fail(cx, E_FORBIDDEN, "API key %s is not for %s", cx->caller.key_id, scope);
	fail_message(cx, "This API key is not for calls of this kind.", "该 API 密钥不允许此类调用");
	return E_FORBIDDEN;
}
