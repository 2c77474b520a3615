/*
 * weirctl user add --login EMAIL|PHONE   password on standard input, or --hash
 * weirctl user passwd LOGIN              password on standard input
 * weirctl user role LOGIN user|admin
 * weirctl user disable|enable LOGIN      disabling ends every session at once
 * weirctl user reset-factor LOGIN        take away a second factor that is lost
 * weirctl user invite                    a code for registration = invite
 * weirctl user list
 */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/money.h"
#include "account/accounts.h"
#include "account/factor.h"
#include "core/versions.h"
#include "core/audit.h"
#include "account/passwords.h"
#include "ctl/nouns.h"

#define USAGE \
	"user add --login EMAIL|PHONE [--role user|admin] [--nickname NAME] [--locale en|zh]\n" \
	"           [--hash HASH] [--if-missing]      (the password on standard input, unless --hash)\n" \
	"       weirctl user passwd LOGIN              (the password on standard input)\n" \
	"       weirctl user role LOGIN user|admin\n" \
	"       weirctl user disable|enable LOGIN\n" \
	"       weirctl user reset-factor LOGIN        (who lost it signs in with the password alone)\n" \
	"       weirctl user invite [--uses N] [--days N] [--credits AMOUNT]\n" \
	"       weirctl user list"

static const struct noun_option add_options[] = {
	{ "login", "login", OPTION_TEXT },
	{ "role", "role", OPTION_TEXT },
	{ "nickname", "nickname", OPTION_TEXT },
	{ "locale", "locale", OPTION_TEXT },
	{ "hash", "hash", OPTION_TEXT },
	{ "if-missing", "if-missing", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};

static const struct field add_fields[] = {
	{ "login", F_LINE, F_REQUIRED, .min = 1, .max = LOGIN_CHARS_MAX },
	{ "role", F_CHOICE, 0, .choices = "user admin" },
	{ "nickname", F_LINE, 0, .max = NICKNAME_CHARS_MAX },
	{ "locale", F_CHOICE, 0, .choices = "en zh" },
	{ .name = NULL },
};
static const struct field email_fields[] = { { "login", F_EMAIL }, { .name = NULL } };
static const struct field phone_fields[] = { { "login", F_PHONE }, { .name = NULL } };

static const struct noun_option invite_options[] = {
	{ "uses", "uses", OPTION_INT },
	{ "days", "days", OPTION_INT },
	{ "credits", "credits", OPTION_TEXT },
	{ NULL, NULL, OPTION_OTHER },
};

static const struct field invite_fields[] = {
	{ "uses", F_INT, 0, .min = 1, .max = 1000000 },
	{ "days", F_INT, 0, .min = 1, .max = 3650 },
	{ "credits", F_CREDITS, 0, .min = 0, .max = UCR_MAX },
	{ .name = NULL },
};

static const struct field password_fields[] = {
	{ "password", F_TEXT, F_REQUIRED, .min = PASSWORD_CHARS_MIN, .max = PASSWORD_CHARS_MAX },
	{ .name = NULL },
};

/* The hash of a password read from standard input; NULL after saying why not. */
static char *
hash_from_stdin(struct ctl *c, struct context *cx)
{
	char *password = ctl_secret(c, "password");
	json_t *in = json_pack("{s:s?}", "password", password);
	bool fits = password != NULL && in != NULL && nouns_check(cx, password_fields, in);

	if (password != NULL && in == NULL)
		ctl_fail("the password is not UTF-8");
	json_decref(in);
	return fits ? passwords_hash(c->cx.arena, password) : NULL;
}

static void
note(struct ctl *c, const char *action, const char *id, json_t *details)
{
	audit_operator(c->cx.pg, action, arena_printf(c->cx.arena, "user:%s", id), "ok", details);
}

static int
add(struct ctl *c, struct context *cx, json_t *in)
{
	const char *login = field_text(in, "login"), *hash = field_text(in, "hash"), *role = field_text(in, "role");
	bool phone = login != NULL && strchr(login, '@') == NULL;
	struct account_new account = {
		.email = phone ? NULL : login,
		.phone = phone ? login : NULL,
		.nickname = field_text(in, "nickname") == NULL ? "" : field_text(in, "nickname"),
		.role = role == NULL ? "user" : role,
		.locale = field_text(in, "locale") == NULL ? "en" : field_text(in, "locale"),
	};
	char id[UUID_LEN];
	enum status st;

	if (!nouns_check(cx, add_fields, in) || !nouns_check(cx, phone ? phone_fields : email_fields, in))
		return CTL_FAILED;
	if (field_bool(in, "if-missing", false) && account_find(c->cx.arena, c->cx.conf, c->cx.pg, login, id) == OK) {
		printf("user %s is there already\n", login);
		return CTL_OK;
	}
	if (hash != NULL && !password_hash_known(hash))
		return ctl_fail("--hash takes a bcrypt ($2b$...) or Argon2id ($argon2id$v=19$...) hash");
	account.password_hash = hash != NULL ? hash : hash_from_stdin(c, cx);
	if (account.password_hash == NULL)
		return CTL_FAILED;
	st = account_create(c->cx.arena, c->cx.conf, c->cx.pg, &account, id);
	if (st == E_CONFLICT)
		return ctl_fail("user %s exists already", login);
	if (st == E_INVALID_REQUEST)
		return ctl_fail(
		    "%s is no phone number with + and calling code, nor one of [auth] phone_country", login);
	if (st != OK)
		return ctl_fail_pg(c, st, "user add");
	note(c, "user.create", id, json_pack("{s:s, s:b}", "role", account.role, "imported_hash", hash != NULL));
	printf("user %s added (%s)\n", login, id);
	return CTL_OK;
}

static int
passwd(struct ctl *c, struct context *cx, const char *login)
{
	char id[UUID_LEN], *hash;
	enum status st;

	if (!nouns_user(c, login, id) || (hash = hash_from_stdin(c, cx)) == NULL)
		return CTL_FAILED;
	if ((st = account_set_password(c->cx.pg, id, hash)) != OK)
		return ctl_fail_pg(c, st, "user passwd");
	note(c, "user.password", id, NULL);
	printf("password of %s set, all sessions ended\n", login);
	return CTL_OK;
}

static int
role(struct ctl *c, const char *login, const char *name)
{
	char id[UUID_LEN];
	enum status st;

	if (strcmp(name, "user") != 0 && strcmp(name, "admin") != 0)
		return ctl_usage(USAGE);
	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	if ((st = account_set_role(c->cx.pg, id, name)) != OK)
		return ctl_fail_pg(c, st, "user role");
	note(c, "user.role", id, json_pack("{s:s}", "role", name));
	printf("%s is now %s\n", login, name);
	return CTL_OK;
}

static int
set_active(struct ctl *c, const char *login, bool active)
{
	char id[UUID_LEN];
	enum status st;

	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	if ((st = account_set_active(c->cx.pg, id, active)) != OK)
		return ctl_fail_pg(c, st, active ? "user enable" : "user disable");
	versions_changed(&c->cx);
	note(c, active ? "user.enable" : "user.disable", id, NULL);
	printf("%s is %s\n", login, active ? "enabled" : "disabled, all sessions ended");
	return CTL_OK;
}

static int
reset_factor(struct ctl *c, const char *login)
{
	char id[UUID_LEN];
	enum status st;

	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	if ((st = factor_reset(c->cx.pg, id)) == E_NOT_FOUND)
		return ctl_fail("%s has no second factor", login);
	if (st != OK)
		return ctl_fail_pg(c, st, "user reset-factor");
	note(c, "user.factor_reset", id, NULL);
	printf("%s has no second factor any more\n", login);
	return CTL_OK;
}

/* A code of letters and digits that nobody mistakes for one another. */
static void
make_code(char out[14])
{
	static const char letters[] = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";
	unsigned char bytes[12];

	crypto_random(bytes, sizeof(bytes));
	for (int i = 0, k = 0; i < 12; i++) {
		if (i == 6)
			out[k++] = '-';
		out[k++] = letters[bytes[i] % (sizeof(letters) - 1)];
	}
	out[13] = '\0';
}

static int
invite(struct ctl *c, struct context *cx, json_t *in)
{
	int64_t days = field_int(in, "days", 0);
	char code[14];
	enum status st;

	if (!nouns_check(cx, invite_fields, in))
		return CTL_FAILED;
	make_code(code);
	st = pg_query(c->cx.pg, NULL,
	    "INSERT INTO invitations (code, max_uses, expires_at, gift_credits)"
	    " VALUES ($1, $2, CASE WHEN $3::int > 0 THEN now() + make_interval(days => $3::int) END, $4)",
	    PS(code), PI(field_int(in, "uses", 1)), PI(days), PM(field_ucr(in, "credits", 0)));
	if (st != OK)
		return ctl_fail_pg(c, st, "user invite");
	audit_operator(c->cx.pg, "user.invite", NULL, "ok", json_deep_copy(in));
	printf("%s\n", code);
	return CTL_OK;
}

static int
list(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT concat_ws(' ', email, phone) AS login, role, status, trim_scale(credits) AS credits,"
	    " to_char(created_at, 'YYYY-MM-DD') AS created,"
	    " coalesce(to_char(last_login_at, 'YYYY-MM-DD HH24:MI'), 'never') AS seen, nickname"
	    " FROM users ORDER BY created_at, id");

	if (st != OK)
		return ctl_fail_pg(c, st, "user list");
	printf("%-36s %-5s %-8s %16s  %-10s  %-16s  %s\n", "LOGIN", "ROLE", "STATUS", "CREDITS", "CREATED",
	    "LAST LOGIN", "NICKNAME");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-36s %-5s %-8s %16s  %-10s  %-16s  %s\n", row_text(rows, i, "login"),
		    row_text(rows, i, "role"), row_text(rows, i, "status"), row_text(rows, i, "credits"),
		    row_text(rows, i, "created"), row_text(rows, i, "seen"), row_text(rows, i, "nickname"));
	return CTL_OK;
}

static int
run(struct ctl *c, int argc, char **argv, json_t *in)
{
	const char *verb = argc > 1 ? argv[1] : "", *word = NULL;

	if (strcmp(verb, "add") == 0)
		return nouns_options(argc, argv, add_options, in, &word, NULL, NULL) && word == NULL
		    ? add(c, &c->cx, in)
		    : ctl_usage(USAGE);
	if (strcmp(verb, "invite") == 0)
		return nouns_options(argc, argv, invite_options, in, &word, NULL, NULL) && word == NULL
		    ? invite(c, &c->cx, in)
		    : ctl_usage(USAGE);
	if (strcmp(verb, "list") == 0 && argc == 2)
		return list(c);
	if (strcmp(verb, "passwd") == 0 && argc == 3)
		return passwd(c, &c->cx, argv[2]);
	if (strcmp(verb, "role") == 0 && argc == 4)
		return role(c, argv[2], argv[3]);
	if (strcmp(verb, "reset-factor") == 0 && argc == 3)
		return reset_factor(c, argv[2]);
	if ((strcmp(verb, "disable") == 0 || strcmp(verb, "enable") == 0) && argc == 3)
		return set_active(c, argv[2], *verb == 'e');
	return ctl_usage(USAGE);
}

int
ctl_user(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_object();
	int rc = run(c, argc, argv, in);

	json_decref(in);
	return rc;
}
