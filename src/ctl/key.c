/*
 * weirctl key list USER
 * weirctl key create USER --name NAME …   prints the key, this once
 * weirctl key revoke USER KEY             and what runs with it
 * weirctl key lock USER KEY [REASON]      its owner cannot undo that
 * weirctl key unlock USER KEY
 * weirctl key leaked FILE                 locks the keys in a list; FILE -: standard input
 *
 * USER is a login name, KEY an id or the prefix that lists show.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "account/keys.h"
#include "account/security.h"
#include "base/buf.h"
#include "core/audit.h"
#include "ctl/nouns.h"

#define USAGE \
	"key list USER\n" \
	"       weirctl key create USER --name NAME [--scopes LIST] [--models LIST] [--allow-ips LIST]\n" \
	"           [--expires TIME] [--budget CREDITS] [--period none|day|week|month] [--rpm N] [--tpm N]\n" \
	"           [--max-concurrent N] [--label WORD] [--rotate-every-days N]\n" \
	"       weirctl key revoke|unlock USER KEY\n" \
	"       weirctl key lock USER KEY [REASON]\n" \
	"       weirctl key leaked FILE"

#define LIST_MAX_BYTES ((size_t)16 << 20)

static const struct noun_option create_options[] = {
	{ "name", "name", OPTION_TEXT },
	{ "scopes", "scopes", OPTION_WORDS },
	{ "models", "models", OPTION_WORDS },
	{ "allow-ips", "allow_ips", OPTION_WORDS },
	{ "expires", "expires_at", OPTION_TEXT },
	{ "budget", "amount", OPTION_TEXT },
	{ "period", "period", OPTION_TEXT },
	{ "rpm", "rpm", OPTION_INT },
	{ "tpm", "tpm", OPTION_INT },
	{ "max-concurrent", "max_concurrent", OPTION_INT },
	{ "label", "label", OPTION_TEXT },
	{ "rotate-every-days", "rotate_every_days", OPTION_INT },
	{ NULL, NULL, OPTION_OTHER },
};

/* From now on the nouns see the user's keys.  False after saying that there is no such user. */
static bool
act_for(struct ctl *c, const char *login)
{
	char *id = arena_alloc(c->cx.arena, UUID_LEN);
	bool is_there = nouns_user(c, login, id);

	c->cx.caller.user_id = id;
	return is_there;
}

static void
note(struct ctl *c, const char *action, const char *id, json_t *details)
{
	audit_operator(c->cx.pg, action, arena_printf(c->cx.arena, "key:%s", id), "ok", details);
}

static int
list(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT id, prefix, CASE WHEN status = 'active' AND expires_at <= now() THEN 'expired' ELSE status END AS status,"
	    " coalesce(to_char(expires_at, 'YYYY-MM-DD HH24:MI'), 'never') AS expires, use_count,"
	    " coalesce(to_char(last_used_at, 'YYYY-MM-DD HH24:MI'), 'never') AS used, trim_scale(spent) AS spent, name"
	    " FROM api_keys WHERE user_id = $1 ORDER BY id DESC",
	    PS(c->cx.caller.user_id));

	if (st != OK)
		return ctl_fail_pg(c, st, "key list");
	printf("%-36s  %-10s  %-8s  %-16s  %-16s  %8s  %12s  %s\n", "ID", "PREFIX", "STATUS", "EXPIRES", "LAST USED",
	    "USES", "SPENT", "NAME");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-36s  %-10s  %-8s  %-16s  %-16s  %8s  %12s  %s\n", row_text(rows, i, "id"),
		    row_text(rows, i, "prefix"), row_text(rows, i, "status"), row_text(rows, i, "expires"),
		    row_text(rows, i, "used"), row_text(rows, i, "use_count"), row_text(rows, i, "spent"),
		    row_text(rows, i, "name"));
	return CTL_OK;
}

/* --budget and --period are one member of the input. */
static void
gather_budget(json_t *in)
{
	json_t *amount = json_object_get(in, "amount"), *period = json_object_get(in, "period");

	if (amount != NULL || period != NULL)
		json_object_set_new(in, "budget", json_pack("{s:O*, s:O*}", "amount", amount, "period", period));
	json_object_del(in, "amount");
	json_object_del(in, "period");
}

static int
create(struct ctl *c, json_t *in)
{
	json_t *key;
	enum status st;

	gather_budget(in);
	if (!nouns_check(&c->cx, key_fields, in))
		return CTL_FAILED;
	if ((st = key_create(&c->cx, in, &key)) != OK)
		return nouns_fail(&c->cx, st, "key create");
	note(c, "key.create", field_text(key, "id"), json_deep_copy(in));
	printf("%s\n", field_text(key, "key"));
	json_decref(key);
	return CTL_OK;
}

/* The id of the user's key that `word` names; NULL after saying that there is none, or more than one. */
static const char *
find(struct ctl *c, const char *word)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT id FROM api_keys WHERE user_id = $1 AND (id::text = lower($2) OR prefix = $2)",
	    PS(c->cx.caller.user_id), PS(word));

	if (st != OK)
		ctl_fail_pg(c, st, "looking up the key");
	else if (rows_count(rows) != 1)
		ctl_fail(
		    rows_count(rows) == 0 ? "the user has no key %s" : "more than one key is %s: give its id", word);
	return st == OK && rows_count(rows) == 1 ? arena_strdup(c->cx.arena, row_text(rows, 0, "id")) : NULL;
}

static int
change(struct ctl *c, const char *verb, const char *word, const char *reason)
{
	const char *id = find(c, word);
	json_t *key;
	enum status st;

	if (id == NULL)
		return CTL_FAILED;
	st = strcmp(verb, "revoke") == 0 ? key_revoke(&c->cx, id, &key)
	    : strcmp(verb, "lock") == 0	 ? key_lock(&c->cx, id, reason, &key)
					 : key_unlock(&c->cx, id, &key);
	if (st != OK)
		return nouns_fail(&c->cx, st, "key");
	note(c, arena_printf(c->cx.arena, "key.%s", verb), id,
	    reason == NULL ? NULL : json_pack("{s:s}", "reason", reason));
	printf("key %s is %s\n", field_text(key, "prefix"), field_text(key, "status"));
	json_decref(key);
	return CTL_OK;
}

/* ---- a list of leaked ones ------------------------------------------------------------ */

/* False after saying why not. */
static bool
read_list(const char *path, struct buf *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char piece[65536];
	size_t n;
	bool ok;

	if (f == NULL) {
		ctl_fail("%s: %s", path, strerror(errno));
		return false;
	}
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0 && out->len <= LIST_MAX_BYTES)
		buf_add(out, piece, n);
	ok = ferror(f) == 0 && out->len <= LIST_MAX_BYTES;
	if (!ok)
		ctl_fail("%s: %s", path, ferror(f) != 0 ? "cannot be read" : "is larger than 16 MiB");
	if (f != stdin)
		fclose(f);
	return ok;
}

static int
leaked(struct ctl *c, const char *path)
{
	struct buf list = BUF_INIT(0);
	struct leaks leaks;
	json_t *locked, *id;
	size_t i;
	enum status st = E_INVALID_REQUEST;

	if (read_list(path, &list) && (st = leaks_import(&c->cx, buf_str(&list), list.len, &leaks, &locked)) != OK)
		nouns_fail(&c->cx, st, "key leaked");
	buf_free(&list);
	if (st != OK)
		return CTL_FAILED;
	json_array_foreach(locked, i, id)
		note(c, "key.lock", json_string_value(id), json_pack("{s:s}", "reason", "leaked"));
	json_decref(locked);
	printf("%lld looked like keys, %lld are keys here, %lld were locked\n", (long long)leaks.seen,
	    (long long)leaks.known, (long long)leaks.locked);
	return CTL_OK;
}

static int
run(struct ctl *c, int argc, char **argv, json_t *in)
{
	const char *verb = argc > 1 ? argv[1] : "", *login = NULL;

	if (strcmp(verb, "list") == 0 && argc == 3)
		return act_for(c, argv[2]) ? list(c) : CTL_FAILED;
	if (strcmp(verb, "create") == 0) {
		if (!nouns_options(argc, argv, create_options, in, &login, NULL, NULL) || login == NULL)
			return ctl_usage(USAGE);
		return act_for(c, login) ? create(c, in) : CTL_FAILED;
	}
	if (strcmp(verb, "leaked") == 0 && argc == 3)
		return leaked(c, argv[2]);
	if (strcmp(verb, "lock") == 0 && (argc == 4 || argc == 5))
		return act_for(c, argv[2]) ? change(c, verb, argv[3], argc == 5 ? argv[4] : NULL) : CTL_FAILED;
	if ((strcmp(verb, "revoke") == 0 || strcmp(verb, "unlock") == 0) && argc == 4)
		return act_for(c, argv[2]) ? change(c, verb, argv[3], NULL) : CTL_FAILED;
	return ctl_usage(USAGE);
}

int
ctl_key(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_object();
	int rc = run(c, argc, argv, in);

	json_decref(in);
	return rc;
}
