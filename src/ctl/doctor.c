/*
 * weirctl doctor    look at everything an installation needs, one line each:
 *
 *	ok    it is as it should be
 *	warn  it works, but not as it should; the line says what to do
 *	fail  Weir cannot do its work; the line says what to do
 *
 * The exit status is 1 when anything failed.  Changes nothing.
 *
 * TO ADD A CHECK: write a function that calls ok(), warn() or bad(), and add
 * it to ctl_doctor().
 */
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/phone.h"
#include "account/jwt.h"
#include "ops/migrate.h"
#include "score/board.h"
#include "ctl/ctl.h"
#include "io/pg.h"
#include "io/redis.h"
#include "files/preview.h"
#include "knowledge/parse.h"
#include "push/key.h"
#include "store/s3.h"

/* Our clock and theirs may differ by this much before leases and tokens suffer. */
#define CLOCK_SKEW_MAX_MS 2000

static int failures;

static void PRINTF_LIKE(3, 0) say(const char *word, const char *what, const char *fmt, va_list ap)
{
	printf("%-4s  %-14s  ", word, what);
	vprintf(fmt, ap);
	putchar('\n');
}

static void PRINTF_LIKE(2, 3) ok(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("ok", what, fmt, ap);
	va_end(ap);
}

static void PRINTF_LIKE(2, 3) warn(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warn", what, fmt, ap);
	va_end(ap);
}

static void PRINTF_LIKE(2, 3) bad(const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("fail", what, fmt, ap);
	va_end(ap);
	failures++;
}

/* ---- configuration and keys ---- */

static void
check_phone_country(struct ctl *c)
{
	const char *country = c->cx.conf->auth_phone_country;

	if (!phone_country_known(country))
		bad("phone country", "[auth] phone_country: \"%s\" is no country of which the dialling is known",
		    country);
	else
		ok("phone country", "%s", *country == '\0' ? "none: phone numbers need +" : country);
}

static void
check_keys(struct ctl *c)
{
	unsigned char *key;
	size_t len;
	int n = access_token_keys(c->cx.conf);

	if (n == 0)
		bad("signing keys", "[auth] jwt_keys is empty, nobody can sign in: weirctl setup");
	else if (n < 0)
		bad("signing keys",
		    "[auth] jwt_keys has a malformed or short key: each is id:base64url of 32 bytes or more");
	else
		ok("signing keys", "%d", n);
	if (*c->cx.conf->auth_encryption_key == '\0')
		bad("encryption key", "[auth] encryption_key is empty, providers' keys cannot be kept: weirctl setup");
	else if (!crypto_base64url_decode(c->cx.arena, c->cx.conf->auth_encryption_key, &key, &len) ||
	    len != AES_KEY_BYTES)
		bad("encryption key", "[auth] encryption_key is not 32 bytes as base64url");
	else
		ok("encryption key", "set");
}

static void
check_secrets_file(struct ctl *c)
{
	const char *path = arena_printf(
	    c->cx.arena, "%s/secrets.conf", dirname(arena_strdup(c->cx.arena, c->cx.conf->path)));
	struct stat st;

	if (stat(path, &st) != 0)
		warn("secrets.conf", "%s: %s; weirctl setup makes it", path, strerror(errno));
	else if (st.st_mode & 07)
		bad("secrets.conf", "%s may be read by everybody: chmod 0640 %s", path, path);
	else
		ok("secrets.conf", "%s, mode %04o", path, (unsigned)(st.st_mode & 07777));
}

static void
check_site(struct ctl *c)
{
	if (c->cx.conf->auth_secure_cookie && strncmp(c->cx.conf->server_base_url, "http://", 7) == 0)
		warn("base_url",
		    "%s is not HTTPS, but sign-in cookies need it: set [server] base_url,"
		    " or [auth] secure_cookie = no for a test",
		    c->cx.conf->server_base_url);
	else
		ok("base_url", "%s", c->cx.conf->server_base_url);
	if (*c->cx.conf->mail_smtp_url == '\0' && *c->cx.conf->mail_spool == '\0')
		warn("mail", "no [mail] smtp_url: forgotten passwords cannot be reset by mail");
	else
		ok("mail", "%s", *c->cx.conf->mail_smtp_url != '\0' ? "by SMTP" : c->cx.conf->mail_spool);
}

/* ---- PostgreSQL ---- */

static bool
check_postgresql(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t before_ms = clock_wall_ms(), skew_ms;

	if (pg_query_again(c->cx.pg, &rows,
		"SELECT current_setting('server_version_num')::int AS version, current_user AS role, "
		"current_database() AS database, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms") !=
	    OK) {
		bad("postgresql", "%s",
		    *pg_error(c->cx.pg) != '\0' ? pg_error(c->cx.pg) : "no answer: look at [database] url");
		return false;
	}
	if (row_int(rows, 0, "version") < 150000)
		bad("postgresql", "version %lld; 15 is the oldest that will do",
		    (long long)row_int(rows, 0, "version"));
	else
		ok("postgresql", "version %lld, database %s as %s", (long long)row_int(rows, 0, "version") / 10000,
		    row_text(rows, 0, "database"), row_text(rows, 0, "role"));
	skew_ms = row_int(rows, 0, "now_ms") - (before_ms + clock_wall_ms()) / 2;
	if (llabs(skew_ms) > CLOCK_SKEW_MAX_MS)
		warn("clock", "this host and PostgreSQL differ by %lld ms: run chrony or systemd-timesyncd on both",
		    (long long)skew_ms);
	else
		ok("clock", "%lld ms from PostgreSQL's", (long long)skew_ms);
	return true;
}

static void
check_roles(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(c->cx.pg, &rows,
		"SELECT coalesce((SELECT string_agg(n, ', ') FROM unnest(ARRAY['weir_owner',"
		" 'weir_service', 'weir_user']) n "
		"  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = n)), '') AS missing, "
		"(SELECT bool_or(pg_has_role(current_user, oid, 'usage')) FROM pg_roles"
		" WHERE rolname = 'weir_service') AS serves, "
		"(SELECT bool_or(pg_has_role(current_user, oid, 'usage')) FROM pg_roles"
		" WHERE rolname = 'weir_owner') AS owns") != OK)
		bad("roles", "%s", pg_error(c->cx.pg));
	else if (*row_text(rows, 0, "missing") != '\0')
		bad("roles", "missing: %s; weirctl -u postgres setup --superuser dbname=postgres",
		    row_text(rows, 0, "missing"));
	else if (!row_bool(rows, 0, "serves"))
		bad("roles", "the login of [database] url is no member of weir_service: GRANT weir_service TO it");
	else if (row_bool(rows, 0, "owns"))
		warn("roles",
		    "the login of [database] url may change the schema: use one that is only a member of weir_service");
	else
		ok("roles", "weir_owner, weir_service, weir_user");
}

static bool
check_migrations(struct ctl *c)
{
	struct buf problem = BUF_INIT(65536);
	enum migrate_fit fit = migrate_check(c->cx.pg, c->cx.conf, &problem);

	if (fit == MIGRATE_FITS)
		ok("migrations", "the database has what this build needs");
	else if (fit == MIGRATE_AHEAD)
		warn("migrations", "%s", buf_str(&problem));
	else
		bad("migrations", "%s", buf_str(&problem));
	buf_free(&problem);
	return fit == MIGRATE_FITS || fit == MIGRATE_AHEAD;
}

/* Every worker thread of every process keeps a connection, and its heartbeat one; a reload doubles them for a moment. */
static void
check_connections(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t wanted = 2 * c->cx.conf->server_processes * (c->cx.conf->server_workers + 1) + 5, most;

	if (pg_query_again(c->cx.pg, &rows, "SELECT current_setting('max_connections')::int AS most") != OK)
		return;
	most = row_int(rows, 0, "most");
	if (most < wanted)
		warn("connections",
		    "PostgreSQL takes %lld; %lld may be used during a reload: raise max_connections"
		    " or lower [server] workers",
		    (long long)most, (long long)wanted);
	else
		ok("connections", "up to %lld of PostgreSQL's %lld during a reload", (long long)wanted,
		    (long long)most);
}

static void
check_content(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(c->cx.pg, &rows,
		"SELECT (SELECT count(*) FROM users WHERE role = 'admin' AND status = 'active') AS admins, "
		"(SELECT count(*) FROM llm_models m WHERE m.enabled AND EXISTS (SELECT FROM channel_models cm "
		"  JOIN channels ch ON ch.id = cm.channel_id WHERE cm.model_id = m.id AND ch.enabled)) AS models, "
		"(SELECT count(*) FROM processes WHERE kind = 'worker'"
		" AND heartbeat_at > now() - interval '20 seconds') AS daemons") != OK) {
		bad("content", "%s", pg_error(c->cx.pg));
		return;
	}
	if (row_int(rows, 0, "admins") == 0)
		warn("administrator", "there is none: weirctl user add --login ... --role admin");
	else
		ok("administrator", "%lld", (long long)row_int(rows, 0, "admins"));
	if (row_int(rows, 0, "models") == 0)
		warn("models", "none can be used: weirctl model add, weirctl channel add");
	else
		ok("models", "%lld can be used", (long long)row_int(rows, 0, "models"));
	if (row_int(rows, 0, "daemons") == 0)
		warn("weir-worker", "none runs, dead turns are not settled: systemctl start weir-worker");
	else
		ok("weir-worker", "%lld running", (long long)row_int(rows, 0, "daemons"));
}

/* ---- documents ---- */

#define POPPLER_DATA "/usr/share/poppler/cMap/Adobe-GB1"

/* Reads a document of one word, in the sandbox, and looks for what PDFs in Chinese need. */
static void
check_documents(struct ctl *c)
{
	const char *program = parse_program(c->cx.conf);
	int fd = memfd_create("document", MFD_CLOEXEC);
	struct parsed parsed = { 0 };

	if (fd < 0 || write(fd, "word\n", 5) != 5)
		bad("documents", "%s", strerror(errno));
	else if (parse_document(&c->cx, fd, "word.txt", NULL, "en", NULL, NULL, &parsed) != OK)
		bad("documents", "%s; none can be read: install the package anew, or set [knowledge] parser",
		    c->cx.log_detail);
	else if (parsed.code != NULL || strcmp(parsed.text, "word\n") != 0)
		bad("documents", "%s does not read them: %s", program, parsed.detail != NULL ? parsed.detail : "?");
	else if (access(POPPLER_DATA, R_OK) != 0)
		warn("documents",
		    "%s is missing: PDFs in Chinese, Japanese or Korean may have no text; apt install"
		    " poppler-data",
		    POPPLER_DATA);
	else
		ok("documents", "%s reads them", program);
	if (fd >= 0)
		close(fd);
}

/* ---- Redis ---- */

/* The value of `name:` in INFO's text, in the arena; "" when it is not there. */
static const char *
info_value(struct ctl *c, const char *info, const char *name)
{
	const char *at = info == NULL ? NULL : strstr(info, name);

	if (at == NULL)
		return "";
	at += strlen(name);
	return arena_strndup(c->cx.arena, at, strcspn(at, "\r\n"));
}

static void
check_redis(struct ctl *c)
{
	AUTO_REPLY struct redis_reply *info = NULL;
	const char *text, *policy;
	enum status st = redis_call(c->cx.redis, &info, "INFO");

	if (st != OK) {
		warn("redis",
		    "%s does not answer: slots are counted in PostgreSQL, rates per process, streams cannot be resumed",
		    c->cx.conf->redis_address);
		return;
	}
	text = redis_reply_text(info, NULL);
	policy = info_value(c, text, "maxmemory_policy:");
	if (strncmp(policy, "allkeys", 7) == 0 || strncmp(policy, "volatile", 8) == 0)
		warn("redis", "maxmemory-policy %s may drop slots and locks: use noeviction", policy);
	else
		ok("redis", "version %s at %s", info_value(c, text, "redis_version:"), c->cx.conf->redis_address);
}

#define BUCKET_MS 10000

/* Asks the bucket something that needs its name, the key and the permission to list. */
static void
check_storage(struct ctl *c)
{
	const struct conf *conf = c->cx.conf;
	struct s3_page page = { 0 };
	struct s3 *s;

	if (storage_problem(conf) != NULL) {
		bad("storage", "%s", storage_problem(conf));
		return;
	}
	if (strcmp(conf->storage_driver, "s3") != 0) {
		ok("storage", "%s", conf->uploads_folder);
		return;
	}
	s = s3_new(conf, BUCKET_MS);
	if (s3_list(s, 1, &page) == OK)
		ok("storage", "the bucket %s at %s answers", conf->storage_bucket, conf->storage_endpoint);
	else
		bad("storage", "the bucket %s at %s: %s", conf->storage_bucket, conf->storage_endpoint, s3_why(s));
	free(page.items);
	s3_free(s);
}

static void
check_previews(struct ctl *c)
{
	const char *missing;

	if (!c->cx.conf->uploads_previews)
		ok("previews", "off: [uploads] previews");
	else if (preview_can(c->cx.arena, "image/png", &missing) && preview_can(c->cx.arena, "video/mp4", &missing))
		ok("previews", "of pictures and films");
	else
		warn("previews", "%s is missing: pages load pictures and films whole; apt install libvips-tools ffmpeg",
		    missing);
}

/* ---- the responders ---- */

/* The path a listening unix socket is bound to, by its inode; NULL. */
static const char *
socket_path(struct ctl *c, uint64_t inode)
{
	FILE *f = fopen("/proc/net/unix", "re");
	const char *found = NULL;
	char line[512], path[256];
	unsigned long long ino;

	while (f != NULL && found == NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %llu %255s", &ino, path) == 2 && ino == inode)
			found = arena_strdup(c->cx.arena, path);
	if (f != NULL)
		fclose(f);
	return found;
}

static void
check_socket(struct ctl *c, uint64_t inode)
{
	const char *path = inode == 0 ? NULL : socket_path(c, inode);
	const struct group *g;
	struct stat st;

	if (path == NULL || stat(path, &st) != 0) {
		warn("socket",
		    "the listening socket has no path any more: the web server cannot reach it; restart weir.socket");
		return;
	}
	g = getgrgid(st.st_gid);
	if (st.st_mode & 02)
		bad("socket",
		    "%s: everybody may connect, and who connects is believed: make it 0660 and the web server's group",
		    path);
	else if (!(st.st_mode & 020))
		warn("socket", "%s, mode %04o: only its owner may connect; the web server's group should", path,
		    (unsigned)(st.st_mode & 07777));
	else
		ok("socket", "%s, mode %04o, group %s", path, (unsigned)(st.st_mode & 07777),
		    g != NULL ? g->gr_name : "?");
}

/* The soft limit of open files of a running process; 0 when it cannot be told. */
static int64_t
open_files_limit(pid_t pid)
{
	char path[40], line[256];
	long long soft = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL && sscanf(line, "Max open files %lld", &soft) != 1)
		;
	fclose(f);
	return soft;
}

static void
check_files(struct ctl *c, pid_t pid)
{
	/* a stream is a connection and an upstream transfer */
	int64_t wanted = c->cx.conf->server_max_connections + c->cx.conf->server_max_streams + 100,
		limit = open_files_limit(pid);

	if (limit == 0)
		return;
	if (limit < wanted)
		warn("open files",
		    "a responder may open %lld; max_connections and max_streams need %lld: raise LimitNOFILE=",
		    (long long)limit, (long long)wanted);
	else
		ok("open files", "%lld, %lld needed", (long long)limit, (long long)wanted);
}

static void
check_responders(struct ctl *c)
{
	struct scoreboard *board = scoreboard_view(c->cx.conf->server_scoreboard);
	struct score_snapshot *s;
	int ready = 0;

	if (board == NULL) {
		warn("responders", "none runs on this configuration (%s: %s)", c->cx.conf->server_scoreboard,
		    strerror(errno));
		return;
	}
	s = scoreboard_snapshot(board);
	for (size_t i = 0; i < s->n_processes; i++)
		ready += s->processes[i].state == SLOT_READY;
	if (ready == 0) {
		warn("responders", "none is ready: systemctl status weir");
	} else {
		ok("responders", "%d ready of %zu", ready, s->n_processes);
		check_socket(c, s->pool.listen_inode);
		check_files(c, s->processes[0].pid);
	}
	score_snapshot_free(s);
	scoreboard_close(board);
}

/* Off is as good as on. */
static void
check_push(struct ctl *c)
{
	const char *contact = c->cx.conf->push_contact;
	struct p256_key key;
	enum status st;

	if (!push_configured(c->cx.conf)) {
		ok("notifications", "off: [push] contact is empty");
		return;
	}
	if (strncmp(contact, "mailto:", 7) != 0 && strncmp(contact, "https://", 8) != 0) {
		warn("notifications",
		    "[push] contact is neither mailto: nor https://, push services will refuse messages");
		return;
	}
	st = push_key_open(&c->cx, &key);
	c->cx.error = OK;
	if (st == OK || st == E_NOT_FOUND)
		ok("notifications", "%s", contact);
	else
		bad("notifications",
		    "the key in table push_key was sealed with another [auth] encryption_key: bring that one back, or DELETE FROM"
		    " push_key and let people turn them on anew");
}

/* ---- the command ---- */

static void
check_all(struct ctl *c)
{
	ok("configuration", "%s", c->cx.conf->path);
	check_secrets_file(c);
	check_keys(c);
	check_phone_country(c);
	check_site(c);
	if (check_postgresql(c)) {
		check_roles(c);
		check_connections(c);
		if (check_migrations(c)) {
			check_content(c);
			check_push(c);
		}
	}
	check_documents(c);
	check_redis(c);
	check_storage(c);
	check_previews(c);
	check_responders(c);
}

int
ctl_doctor(struct ctl *c, int argc, char **argv)
{
	struct conf *conf = NULL;

	(void)argv;
	if (argc != 1)
		return ctl_usage("doctor");
	if (conf_load(c->conf_path, &conf) != OK) {
		bad("configuration", "see above; weirctl config doc describes every option");
		return CTL_FAILED;
	}
	if (ctl_become(c) != CTL_OK) {
		conf_free(conf);
		return CTL_FAILED;
	}
	c->cx.conf = conf;
	c->cx.pg = pg_new(conf, conf->database_url, "weirctl doctor");
	c->cx.redis = redis_new(conf);
	check_all(c);
	redis_free(c->cx.redis);
	pg_free(c->cx.pg);
	conf_free(conf);
	return failures == 0 ? CTL_OK : CTL_FAILED;
}
