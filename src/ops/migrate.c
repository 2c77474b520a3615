#include "ops/migrate.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#define UP_SUFFIX ".up.sql"
#define DOWN_SUFFIX ".down.sql"
#define FILE_MAX_BYTES (4 << 20)

/* Taken in every transaction that changes the schema; an arbitrary constant of ours. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(8315161669)"
/* A migration may take long, but must not queue up behind a forgotten
 * transaction while everybody else queues up behind it. */
#define SETTINGS_SQL \
	"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; SET LOCAL client_min_messages = warning"

/* The schema has one owner, whoever runs this: a superuser or a member steps
 * down to it.  (A role that may not will be refused by the first migration.) */
#define OWNER_SQL \
	"SELECT set_config('role', 'weir_owner', true) FROM pg_roles WHERE rolname = 'weir_owner' " \
	"AND current_user <> 'weir_owner' AND pg_has_role(current_user, 'weir_owner', 'member')"

static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS public.schema_migrations ("
    "	version int PRIMARY KEY,"
    "	name text NOT NULL,"
    "	checksum text NOT NULL,"
    "	applied_at timestamptz NOT NULL DEFAULT now());"
    "COMMENT ON TABLE public.schema_migrations IS 'Migrations this database has got; written by weirctl migrate.';"
    "COMMENT ON COLUMN public.schema_migrations.version IS 'Number of the migration.';"
    "COMMENT ON COLUMN public.schema_migrations.name IS 'Its name.';"
    "COMMENT ON COLUMN public.schema_migrations.checksum IS 'SHA-256 of its up file, hex.';"
    "COMMENT ON COLUMN public.schema_migrations.applied_at IS 'When it was applied.'";

const char *
migrate_dir(const struct conf *conf, const char *given)
{
	if (given != NULL && *given != '\0')
		return given;
	if (conf != NULL && *conf->database_migrations != '\0')
		return conf->database_migrations;
	return WEIR_MIGRATIONSDIR;
}

/* The whole file, NUL-terminated, in the arena; NULL (and errno) when it cannot be read. */
static char *
read_file(struct arena *a, const char *path, size_t *out_len)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) == 0 && st.st_size <= FILE_MAX_BYTES) {
		text = arena_alloc(a, (size_t)st.st_size + 1);
		*out_len = fread(text, 1, (size_t)st.st_size, f);
		if (*out_len != (size_t)st.st_size)
			text = NULL;
	} else {
		errno = EFBIG;
	}
	fclose(f);
	return text;
}

static bool
has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

static bool
name_is_sane(const char *name, size_t len)
{
	if (len == 0 || len > 60)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

/* "0001_accounts.up.sql" to 1, "accounts"; false when it is not of that form. */
static bool
parse_name(struct arena *a, const char *file, const char *suffix, struct migration *m)
{
	size_t stem = strlen(file) - strlen(suffix);

	for (int i = 0; i < 4; i++)
		if (!isdigit((unsigned char)file[i]))
			return false;
	if (file[4] != '_' || !name_is_sane(file + 5, stem - 5))
		return false;
	*m = (struct migration){ .version = (int)strtol(file, NULL, 10), .name = arena_strndup(a, file + 5, stem - 5) };
	return m->version > 0;
}

/* A failure of the folder: one sentence, one status. */
static enum status PRINTF_LIKE(2, 3) bad_folder(struct buf *problem, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_puts(problem, text);
	return E_INVALID_REQUEST;
}

static enum status
add_file(struct arena *a, const char *dir, const char *file, struct migrations *out, struct buf *problem)
{
	unsigned char digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	struct migration m;
	const char *text;
	size_t len;

	if (!parse_name(a, file, UP_SUFFIX, &m))
		return bad_folder(problem, "%s/%s: a migration is called NNNN_name" UP_SUFFIX, dir, file);
	m.up_path = arena_printf(a, "%s/%s", dir, file);
	m.down_path = arena_printf(a, "%s/%04d_%s" DOWN_SUFFIX, dir, m.version, m.name);
	if (access(m.down_path, R_OK) != 0)
		return bad_folder(problem, "%s: %s", m.down_path, strerror(errno));
	if ((text = read_file(a, m.up_path, &len)) == NULL)
		return bad_folder(problem, "%s: %s", m.up_path, strerror(errno));
	if (out->n > 0 && out->list[out->n - 1].version == m.version)
		return bad_folder(problem, "%s: number %04d is used twice", dir, m.version);
	crypto_sha256(text, len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	m.checksum = arena_strdup(a, hex);
	out->list[out->n++] = m;
	return OK;
}

static int
is_up_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && has_suffix(entry->d_name, UP_SUFFIX);
}

enum status
migrate_read(struct arena *a, const char *dir, struct migrations *out, struct buf *problem)
{
	struct dirent **files = NULL;
	enum status st = OK;
	int n;

	*out = (struct migrations){ 0 };
	n = scandir(dir, &files, is_up_file, alphasort);
	if (n < 0)
		return bad_folder(problem, "cannot read the migrations in %s: %s", dir, strerror(errno));
	out->list = ARENA_ARRAY(a, struct migration, n + 1);
	for (int i = 0; i < n; i++) {
		if (st == OK)
			st = add_file(a, dir, files[i]->d_name, out, problem);
		free(files[i]);
	}
	free(files);
	return st;
}

static struct migration *
find_version(struct migrations *m, int64_t version)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].version == version)
			return &m->list[i];
	return NULL;
}

static int
by_version(const void *a, const void *b)
{
	return ((const struct migration *)a)->version - ((const struct migration *)b)->version;
}

/* One row of schema_migrations against the files. */
static void
compare_row(struct arena *a, const struct rows *rows, int i, struct migrations *m)
{
	struct migration *found = find_version(m, row_int(rows, i, "version"));
	const char *checksum = row_text(rows, i, "checksum");

	if (found == NULL) {
		found = &m->list[m->n++];
		*found = (struct migration){ .version = (int)row_int(rows, i, "version"),
			.name = arena_strdup(a, row_text(rows, i, "name")),
			.state = MIGRATION_UNKNOWN };
	} else {
		found->state = strcmp(found->checksum, checksum) == 0 ? MIGRATION_APPLIED : MIGRATION_CHANGED;
	}
	found->applied_at = arena_strdup(a, row_text(rows, i, "applied_at"));
}

enum status
migrate_compare(struct arena *a, struct pg *pg, struct migrations *m, struct buf *problem)
{
	AUTO_ROWS struct rows *exists = NULL;
	AUTO_ROWS struct rows *rows = NULL;
	struct migration *list;
	enum status st;

	st = pg_query_again(pg, &exists, "SELECT to_regclass('public.schema_migrations') IS NOT NULL AS here");
	if (st == OK && !row_bool(exists, 0, "here"))
		return OK;
	if (st == OK)
		st = pg_query_again(pg, &rows,
		    "SELECT version, name, checksum, "
		    "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
		    " AS applied_at FROM public.schema_migrations ORDER BY version");
	if (st != OK) {
		buf_printf(problem, "cannot read schema_migrations: %s", pg_error(pg));
		return st;
	}
	list = ARENA_ARRAY(a, struct migration, m->n + (size_t)rows_count(rows) + 1);
	if (m->n > 0)
		memcpy(list, m->list, m->n * sizeof(*list));
	m->list = list;
	for (int i = 0; i < rows_count(rows); i++)
		compare_row(a, rows, i, m);
	qsort(m->list, m->n, sizeof(*m->list), by_version);
	return OK;
}

/* "0001_accounts, 0002_models_channels" of all in `state`; their number. */
static size_t
list_state(const struct migrations *m, enum migration_state state, struct buf *to)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].state == state)
			buf_printf(to, "%s%04d_%s", n++ > 0 ? ", " : "", m->list[i].version, m->list[i].name);
	return n;
}

/* Changed or unknown migrations: a sentence and E_CONFLICT. */
static enum status
refuse_strangers(const struct migrations *m, struct buf *problem)
{
	struct buf names = BUF_INIT(1024);
	enum status st = OK;

	if (list_state(m, MIGRATION_UNKNOWN, &names) > 0) {
		buf_printf(problem,
		    "the database has migrations this build does not know: %s; install the version of "
		    "Weir that made them, or take them back with its weirctl migrate down",
		    buf_str(&names));
		st = E_CONFLICT;
	}
	buf_clear(&names);
	if (list_state(m, MIGRATION_CHANGED, &names) > 0) {
		buf_printf(problem,
		    "%sthese migrations were changed after they were applied: %s; restore their"
		    " files and add a new migration instead",
		    st != OK ? "; and " : "", buf_str(&names));
		st = E_CONFLICT;
	}
	buf_free(&names);
	return st;
}

/* The same as migrate_check() within an arena. */
static enum status
check_in(struct arena *a, struct pg *pg, const char *dir, struct buf *problem)
{
	struct buf names = BUF_INIT(1024);
	struct migrations m;
	enum status st;

	if ((st = migrate_read(a, dir, &m, problem)) != OK)
		return st;
	if (m.n == 0) {
		buf_printf(problem, "there are no migrations in %s", dir);
		return E_INVALID_REQUEST;
	}
	if ((st = migrate_compare(a, pg, &m, problem)) != OK)
		return st;
	if ((st = refuse_strangers(&m, problem)) != OK)
		return st;
	if (list_state(&m, MIGRATION_PENDING, &names) > 0) {
		buf_printf(problem, "the database lacks migrations this build needs: %s; run weirctl migrate up",
		    buf_str(&names));
		st = E_CONFLICT;
	}
	buf_free(&names);
	return st;
}

enum status
migrate_check(struct pg *pg, const struct conf *conf, struct buf *problem)
{
	struct arena *a = arena_new(65536, 64 << 20);
	enum status st = check_in(a, pg, migrate_dir(conf, NULL), problem);

	arena_free(a);
	return st;
}

/* The table itself, made before the first migration. */
static enum status
make_table(struct pg *pg, struct buf *problem)
{
	enum status st;

	if ((st = pg_begin(pg)) == OK && (st = pg_script(pg, SETTINGS_SQL)) == OK &&
	    (st = pg_query(pg, NULL, LOCK_SQL)) == OK && (st = pg_query(pg, NULL, OWNER_SQL)) == OK &&
	    (st = pg_script(pg, create_table)) == OK)
		st = pg_commit(pg);
	if (st != OK) {
		buf_printf(problem, "cannot make table schema_migrations: %s", pg_error(pg));
		pg_rollback(pg);
	}
	return st;
}

/* Under the lock: is the migration still to be applied (or taken back)? */
static enum status
is_applied(struct pg *pg, const struct migration *m, bool *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	st = pg_query(pg, &rows, "SELECT 1 AS one FROM public.schema_migrations WHERE version = $1", PI(m->version));
	if (st == OK)
		*out = rows_count(rows) > 0;
	return st;
}

/* Write down that it was applied, or forget it. */
static enum status
record(struct pg *pg, const struct migration *m, bool up)
{
	if (!up)
		return pg_query(pg, NULL, "DELETE FROM public.schema_migrations WHERE version = $1", PI(m->version));
	return pg_query(pg, NULL, "INSERT INTO public.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
	    PI(m->version), PS(m->name), PS(m->checksum));
}

/* Everything of one migration between BEGIN and COMMIT; *done when another run was first. */
static enum status
run_inside(struct pg *pg, const struct migration *m, const char *sql, bool up, bool *done)
{
	bool applied = false;
	enum status st;

	if ((st = pg_script(pg, SETTINGS_SQL)) != OK || (st = pg_query(pg, NULL, LOCK_SQL)) != OK ||
	    (st = pg_query(pg, NULL, OWNER_SQL)) != OK || (st = is_applied(pg, m, &applied)) != OK)
		return st;
	*done = applied == up;
	if (*done)
		return OK;
	if ((st = pg_script(pg, sql)) != OK)
		return st;
	return record(pg, m, up);
}

static enum status
run_one(struct arena *a, struct pg *pg, const struct migration *m, bool up, struct buf *problem)
{
	const char *path = up ? m->up_path : m->down_path;
	bool done = false;
	const char *sql;
	enum status st;
	size_t len;

	if ((sql = read_file(a, path, &len)) == NULL)
		return bad_folder(problem, "%s: %s", path, strerror(errno));
	if (strlen(sql) != len)
		return bad_folder(problem, "%s: there is a NUL in it", path);
	if ((st = pg_begin(pg)) == OK && (st = run_inside(pg, m, sql, up, &done)) == OK)
		st = pg_commit(pg);
	if (st != OK) {
		buf_printf(problem, "%s: %s%s%s", path, *pg_sqlstate(pg) != '\0' ? pg_sqlstate(pg) : "",
		    *pg_sqlstate(pg) != '\0' ? " " : "", pg_error(pg));
		pg_rollback(pg);
	}
	return st;
}

enum status
migrate_up(struct arena *a, struct pg *pg, const char *dir, migrate_note_fn *note, void *arg, struct buf *problem)
{
	struct migrations m;
	enum status st;

	if ((st = migrate_read(a, dir, &m, problem)) != OK || (st = make_table(pg, problem)) != OK ||
	    (st = migrate_compare(a, pg, &m, problem)) != OK || (st = refuse_strangers(&m, problem)) != OK)
		return st;
	for (size_t i = 0; i < m.n; i++) {
		int64_t from = clock_mono_us();

		if (m.list[i].state != MIGRATION_PENDING)
			continue;
		note(arg, &m.list[i], "up", -1);
		if ((st = run_one(a, pg, &m.list[i], true, problem)) != OK)
			return st;
		note(arg, &m.list[i], "up", clock_mono_us() - from);
	}
	return OK;
}

enum status
migrate_down(
    struct arena *a, struct pg *pg, const char *dir, int count, migrate_note_fn *note, void *arg, struct buf *problem)
{
	struct migrations m;
	enum status st;

	if ((st = migrate_read(a, dir, &m, problem)) != OK || (st = migrate_compare(a, pg, &m, problem)) != OK)
		return st;
	for (size_t i = m.n; i-- > 0 && count > 0;) {
		int64_t from = clock_mono_us();

		if (m.list[i].state == MIGRATION_PENDING)
			continue;
		if (m.list[i].state == MIGRATION_UNKNOWN)
			return refuse_strangers(&m, problem);
		note(arg, &m.list[i], "down", -1);
		if ((st = run_one(a, pg, &m.list[i], false, problem)) != OK)
			return st;
		note(arg, &m.list[i], "down", clock_mono_us() - from);
		count--;
	}
	return OK;
}

/* Write a new file; never over one that is there. */
static enum status
write_new(const char *path, const char *text, struct buf *problem)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	bool good;

	if (fd < 0)
		return bad_folder(problem, "%s: %s", path, strerror(errno));
	good = write(fd, text, len) == (ssize_t)len;
	if (close(fd) != 0 || !good)
		return bad_folder(problem, "%s: %s", path, strerror(errno));
	return OK;
}

enum status
migrate_create(
    struct arena *a, const char *dir, const char *name, const char **up, const char **down, struct buf *problem)
{
	struct migrations m;
	enum status st;
	int version;

	if (!name_is_sane(name, strlen(name)))
		return bad_folder(problem, "\"%s\": a migration's name is lower-case letters, digits and _", name);
	if ((st = migrate_read(a, dir, &m, problem)) != OK)
		return st;
	version = m.n > 0 ? m.list[m.n - 1].version + 1 : 1;
	if (version > 9999)
		return bad_folder(problem, "%s: there are no numbers left", dir);
	*up = arena_printf(a, "%s/%04d_%s" UP_SUFFIX, dir, version, name);
	*down = arena_printf(a, "%s/%04d_%s" DOWN_SUFFIX, dir, version, name);
	if ((st = write_new(*up, arena_printf(a, "-- %s: what it is for.\n", name), problem)) != OK)
		return st;
	return write_new(*down, arena_printf(a, "-- Takes %04d_%s back.\n", version, name), problem);
}
