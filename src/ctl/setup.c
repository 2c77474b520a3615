/*
 * weirctl setup [--superuser URL] [--database NAME] [--login ROLE]
 *
 * Makes what an installation needs and does not have: weir.conf (all
 * defaults), secrets.conf beside it with new keys (0640, group weir) and, with
 * a PostgreSQL superuser's connection, roles and database.  What exists is
 * kept, so it may be run again.  Prints what it did and what comes next.
 *
 * On a stock Debian:	weirctl -u postgres setup --superuser dbname=postgres
 *			weirctl -u postgres migrate up
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "ctl/ctl.h"
#include "io/pg.h"

#define USAGE "setup [--superuser URL] [--database NAME] [--login ROLE]"
#define SERVICE_GROUP "weir"

struct wishes {
	const char *superuser, *database, *login;
};

/* ---- files ---- */

/* Write a file that is not there yet: complete, or not at all. */
static int
write_file(const char *path, mode_t mode, const struct buf *text)
{
	const struct group *g = getgrnam(SERVICE_GROUP);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool good;

	if (fd < 0)
		return ctl_fail("%s: %s", path, strerror(errno));
	good = write(fd, text->data, text->len) == (ssize_t)text->len && fchmod(fd, mode) == 0;
	/* as root, the programs must be able to read it; anybody else's group is theirs */
	if (good && geteuid() == 0 && g != NULL)
		good = fchown(fd, 0, g->gr_gid) == 0;
	if (!good || fsync(fd) != 0) {
		ctl_fail("%s: %s", path, strerror(errno));
		unlink(path);
		close(fd);
		return CTL_FAILED;
	}
	close(fd);
	printf("made  %s\n", path);
	return CTL_OK;
}

static int
make_conf(const char *path)
{
	struct buf text = BUF_INIT(0);
	char *sample = NULL;
	size_t len = 0;
	FILE *to;
	int rc;

	if (access(path, F_OK) == 0)
		return CTL_OK;
	if ((to = open_memstream(&sample, &len)) == NULL)
		abort();
	conf_doc_sample(to);
	fclose(to);
	buf_add(&text, sample, len);
	free(sample);
	rc = write_file(path, 0644, &text);
	buf_free(&text);
	return rc;
}

/* 32 random bytes as base64url. */
static const char *
new_key(struct ctl *c)
{
	unsigned char key[AES_KEY_BYTES];

	crypto_random(key, sizeof(key));
	return crypto_base64url(c->cx.arena, key, sizeof(key));
}

/* The keys the configuration lacks, as lines of an ini file. */
static void
missing_keys(struct ctl *c, const struct conf *conf, struct buf *to)
{
	unsigned char id[4];
	char hex[9];

	if (*conf->auth_jwt_keys == '\0') {
		crypto_random(id, sizeof(id));
		crypto_hex(id, sizeof(id), hex);
		buf_printf(to, "jwt_keys = %s:%s\n", hex, new_key(c));
	}
	if (*conf->auth_encryption_key == '\0')
		buf_printf(to, "encryption_key = %s\n", new_key(c));
}

/* Add lines to a secrets.conf that is there already. */
static int
append_file(const char *path, const struct buf *lines)
{
	FILE *f = fopen(path, "ae");

	if (f == NULL)
		return ctl_fail("%s: %s", path, strerror(errno));
	fprintf(f, "\n[auth]\n%s", buf_str(lines));
	if (fclose(f) != 0)
		return ctl_fail("%s: %s", path, strerror(errno));
	printf("added keys to  %s\n", path);
	return CTL_OK;
}

static int
make_secrets(struct ctl *c, const char *conf_path)
{
	const char *path = arena_printf(c->cx.arena, "%s/secrets.conf", dirname(arena_strdup(c->cx.arena, conf_path)));
	struct buf keys = BUF_INIT(0), text = BUF_INIT(0);
	struct conf *conf = NULL;
	int rc = CTL_OK;

	if (conf_load(conf_path, &conf) != OK)
		return CTL_FAILED; /* it has said why */
	missing_keys(c, conf, &keys);
	conf_free(conf);
	if (keys.len == 0) {
		printf("kept  the keys of %s\n", path);
	} else if (access(path, F_OK) == 0) {
		rc = append_file(path, &keys);
	} else {
		buf_printf(&text,
		    "# Secrets of Weir, made by weirctl setup. Read after weir.conf.\n"
		    "# Back it up: without encryption_key the providers' keys in the database are lost.\n[auth]\n%s",
		    buf_str(&keys));
		rc = write_file(path, 0640, &text);
	}
	buf_free(&text);
	buf_free(&keys);
	return rc;
}

/* ---- PostgreSQL ---- */

/* Names go into statements that take no parameters. */
static bool
name_is_plain(const char *name)
{
	return *name != '\0' && strlen(name) <= 60 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) && strspn(name, "0123456789") == 0;
}

static int
run_script(struct pg *pg, const char *doing, const char *sql)
{
	if (pg_script(pg, sql) == OK)
		return CTL_OK;
	return ctl_fail("%s: %s", doing, pg_error(pg));
}

static int
make_role(struct ctl *c, struct pg *pg, const char *role, const char *attributes)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(pg, &rows, "SELECT 1 FROM pg_roles WHERE rolname = $1", PS(role)) != OK)
		return ctl_fail("PostgreSQL: %s", pg_error(pg));
	if (rows_count(rows) > 0)
		return CTL_OK;
	if (run_script(pg, "CREATE ROLE", arena_printf(c->cx.arena, "CREATE ROLE %s %s", role, attributes)) != CTL_OK)
		return CTL_FAILED;
	printf("made  role %s\n", role);
	return CTL_OK;
}

static int
make_roles(struct ctl *c, struct pg *pg, const struct wishes *w)
{
	if (make_role(c, pg, "weir_owner", "LOGIN") != CTL_OK ||
	    make_role(c, pg, "weir_service", "NOLOGIN") != CTL_OK ||
	    make_role(c, pg, "weir_user", "NOLOGIN") != CTL_OK || make_role(c, pg, w->login, "LOGIN") != CTL_OK)
		return CTL_FAILED;
	return run_script(pg, "GRANT",
	    arena_printf(c->cx.arena, "SET client_min_messages = warning; GRANT weir_service TO %s", w->login));
}

static int
make_database(struct ctl *c, struct pg *pg, const char *name)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(pg, &rows, "SELECT 1 FROM pg_database WHERE datname = $1", PS(name)) != OK)
		return ctl_fail("PostgreSQL: %s", pg_error(pg));
	if (rows_count(rows) > 0)
		return CTL_OK;
	if (run_script(pg, "CREATE DATABASE",
		arena_printf(c->cx.arena,
		    "CREATE DATABASE %s OWNER weir_owner ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0", name)) !=
	    CTL_OK)
		return CTL_FAILED;
	printf("made  database %s\n", name);
	return CTL_OK;
}

/* Inside the new database: the schema belongs to the owner, nobody else makes tables. */
static int
own_schema(struct ctl *c, const struct conf *conf, const struct wishes *w)
{
	static const char sql[] =
	    "SET client_min_messages = warning; ALTER SCHEMA public OWNER TO weir_owner; "
	    "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO weir_service, weir_user";
	bool uri = strstr(w->superuser, "://") != NULL;
	/* a later dbname wins over an earlier one, in both forms of a connection string */
	const char *url = arena_printf(c->cx.arena, "%s%sdbname=%s", w->superuser,
	    !uri				    ? " "
		: strchr(w->superuser, '?') != NULL ? "&"
						    : "?",
	    w->database);
	struct pg *pg = pg_new(conf, url, "weirctl setup");
	int rc = run_script(pg, "schema public", sql);

	pg_free(pg);
	return rc;
}

static int
set_up_database(struct ctl *c, const char *conf_path, const struct wishes *w)
{
	struct conf *conf = NULL;
	struct pg *pg;
	int rc;

	if (conf_load(conf_path, &conf) != OK)
		return CTL_FAILED;
	if (ctl_become(c) != CTL_OK) {
		conf_free(conf);
		return CTL_FAILED;
	}
	pg = pg_new(conf, w->superuser, "weirctl setup");
	rc = make_roles(c, pg, w);
	if (rc == CTL_OK)
		rc = make_database(c, pg, w->database);
	if (rc == CTL_OK)
		rc = own_schema(c, conf, w);
	if (rc == CTL_OK)
		printf("good  roles and database %s\n", w->database);
	pg_free(pg);
	conf_free(conf);
	return rc;
}

/* ---- the command ---- */

static void
next_steps(const struct wishes *w)
{
	puts("\nNext:");
	if (w->superuser == NULL)
		puts("  weirctl -u postgres setup --superuser dbname=postgres    roles and database,"
		     " when PostgreSQL runs here");
	puts("  weirctl -u postgres migrate up                           the schema (or: [database] migrate_url)\n"
	     "  weirctl doctor                                           what is still missing\n"
	     "  weirctl user add --login me@example.org --role admin     the first administrator\n"
	     "  systemctl enable --now weir.socket weir.service weir-worker.service");
}

static bool
read_wishes(int argc, char **argv, struct wishes *w)
{
	*w = (struct wishes){ .database = "weir", .login = "weir" };
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 >= argc)
			return false;
		if (strcmp(argv[i], "--superuser") == 0)
			w->superuser = argv[i + 1];
		else if (strcmp(argv[i], "--database") == 0)
			w->database = argv[i + 1];
		else if (strcmp(argv[i], "--login") == 0)
			w->login = argv[i + 1];
		else
			return false;
	}
	return true;
}

int
ctl_setup(struct ctl *c, int argc, char **argv)
{
	const char *conf_path = c->conf_path != NULL ? c->conf_path : CONF_DEFAULT_PATH;
	struct wishes w;
	int rc;

	if (!read_wishes(argc, argv, &w))
		return ctl_usage(USAGE);
	if (!name_is_plain(w.database) || !name_is_plain(w.login))
		return ctl_fail("names of roles and databases are lower-case letters, digits and _ here");
	if ((rc = make_conf(conf_path)) != CTL_OK || (rc = make_secrets(c, conf_path)) != CTL_OK)
		return rc;
	if (w.superuser != NULL && (rc = set_up_database(c, conf_path, &w)) != CTL_OK)
		return rc;
	next_steps(&w);
	return CTL_OK;
}
