#include "ops/migrate.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#define UP_SUFFIX ".up.sql"
#define DOWN_SUFFIX ".down.sql"
#define FUNCTIONS_DIR "functions"
#define FUNCTIONS_SUFFIX ".sql"
#define FILE_MAX_BYTES (4 << 20)
/* Waiting for the database to fit: how often to ask, to look whether to stop, and to say so. */
#define AWAIT_PAUSE_MS 1000
#define AWAIT_STEP_MS 100
#define AWAIT_TELL_MS 60000

/* Taken in every transaction that changes the schema; an arbitrary constant of ours. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(8315161669)"
/* A migration may take long, but must not queue up behind a transaction while
 * everybody else queues up behind it: it steps back and tries again, for a minute or
 * so.  Sooner than PostgreSQL looks for deadlocks (1 s), whose victim might be a user. */
#define SETTINGS_SQL \
	"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '200ms'; SET LOCAL client_min_messages = warning"
#define TRIES_MAX 150
#define TRY_PAUSE_MS 200

/* The schema has one owner, whoever runs this: a superuser or a member steps
 * down to it.  (A role that may not will be refused by the first migration.) */
#define OWNER_SQL \
	"SELECT set_config('role', 'weir_owner', true) FROM pg_roles WHERE rolname = 'weir_owner' " \
	"AND current_user <> 'weir_owner' AND pg_has_role(current_user, 'weir_owner', 'member')"

static const char create_tables[] =
    "CREATE TABLE IF NOT EXISTS public.schema_migrations ("
    "	version int PRIMARY KEY,"
    "	name text NOT NULL,"
    "	checksum text NOT NULL,"
    "	applied_at timestamptz NOT NULL DEFAULT now());"
    "COMMENT ON TABLE public.schema_migrations IS 'Migrations this database has got; written by weirctl migrate.';"
    "COMMENT ON COLUMN public.schema_migrations.version IS 'Number of the migration.';"
    "COMMENT ON COLUMN public.schema_migrations.name IS 'Its name.';"
    "COMMENT ON COLUMN public.schema_migrations.checksum IS 'SHA-256 of its up file, hex.';"
    "COMMENT ON COLUMN public.schema_migrations.applied_at IS 'When it was applied.';"
    "CREATE TABLE IF NOT EXISTS public.schema_functions ("
    "	area text PRIMARY KEY,"
    "	checksum text NOT NULL,"
    "	applied_at timestamptz NOT NULL DEFAULT now());"
    "COMMENT ON TABLE public.schema_functions IS 'Files of functions this database has got since its last migration;"
    " written by weirctl migrate.';"
    "COMMENT ON COLUMN public.schema_functions.area IS 'Name of the file, functions/AREA.sql.';"
    "COMMENT ON COLUMN public.schema_functions.checksum IS 'SHA-256 of the file, hex.';"
    "COMMENT ON COLUMN public.schema_functions.applied_at IS 'When it was applied.'";

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

/* "0001_ground.up.sql" to 1, "ground"; false when it is not of that form. */
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

/* SHA-256 of a file, hex, in the arena; NULL (and errno) when it cannot be read. */
static const char *
checksum_of(struct arena *a, const char *path)
{
	unsigned char digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	const char *text;
	size_t len;

	if ((text = read_file(a, path, &len)) == NULL)
		return NULL;
	crypto_sha256(text, len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	return arena_strdup(a, hex);
}

static enum status
add_file(struct arena *a, const char *dir, const char *file, struct migrations *out, struct buf *problem)
{
	struct migration m;

	if (!parse_name(a, file, UP_SUFFIX, &m))
		return bad_folder(problem, "%s/%s: a migration is called NNNN_name" UP_SUFFIX, dir, file);
	m.up_path = arena_printf(a, "%s/%s", dir, file);
	m.down_path = arena_printf(a, "%s/%04d_%s" DOWN_SUFFIX, dir, m.version, m.name);
	if (access(m.down_path, R_OK) != 0)
		return bad_folder(problem, "%s: %s", m.down_path, strerror(errno));
	if ((m.checksum = checksum_of(a, m.up_path)) == NULL)
		return bad_folder(problem, "%s: %s", m.up_path, strerror(errno));
	if (out->n > 0 && out->list[out->n - 1].version == m.version)
		return bad_folder(problem, "%s: number %04d is used twice", dir, m.version);
	out->list[out->n++] = m;
	return OK;
}

/* The first migration of that name; NULL: none. */
static const struct migration *
find_area(const struct migrations *m, const char *area)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->list[i].name, area) == 0)
			return &m->list[i];
	return NULL;
}

static enum status
add_functions(struct arena *a, const char *dir, const char *file, struct migrations *out, struct buf *problem)
{
	struct function_file f = { .area = arena_strndup(a, file, strlen(file) - strlen(FUNCTIONS_SUFFIX)) };
	const struct migration *first = find_area(out, f.area);

	f.path = arena_printf(a, "%s/%s", dir, file);
	if (first == NULL)
		return bad_folder(problem, "%s: there is no migration NNNN_%s", f.path, f.area);
	if ((f.checksum = checksum_of(a, f.path)) == NULL)
		return bad_folder(problem, "%s: %s", f.path, strerror(errno));
	f.version = first->version;
	out->functions[out->n_functions++] = f;
	return OK;
}

static int
by_place(const void *a, const void *b)
{
	return ((const struct function_file *)a)->version - ((const struct function_file *)b)->version;
}

static int
is_functions_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && has_suffix(entry->d_name, FUNCTIONS_SUFFIX);
}

static enum status
read_functions(struct arena *a, const char *dir, struct migrations *out, struct buf *problem)
{
	struct dirent **files = NULL;
	enum status st = OK;
	int n = scandir(dir, &files, is_functions_file, alphasort);

	if (n < 0 && errno == ENOENT)
		return OK;
	if (n < 0)
		return bad_folder(problem, "cannot read the functions in %s: %s", dir, strerror(errno));
	out->functions = ARENA_ARRAY(a, struct function_file, n + 1);
	for (int i = 0; i < n; i++) {
		if (st == OK)
			st = add_functions(a, dir, files[i]->d_name, out, problem);
		free(files[i]);
	}
	free(files);
	if (out->n_functions > 0)
		qsort(out->functions, out->n_functions, sizeof(*out->functions), by_place);
	return st;
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
	return st == OK ? read_functions(a, arena_printf(a, "%s/" FUNCTIONS_DIR, dir), out, problem) : st;
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

#define APPLIED_AT "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS applied_at"

static enum status
compare_migrations(struct arena *a, struct pg *pg, struct migrations *m)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct migration *list;
	enum status st;

	st = pg_query_again(
	    pg, &rows, "SELECT version, name, checksum, " APPLIED_AT " FROM public.schema_migrations ORDER BY version");
	if (st != OK)
		return st;
	list = ARENA_ARRAY(a, struct migration, m->n + (size_t)rows_count(rows) + 1);
	if (m->n > 0)
		memcpy(list, m->list, m->n * sizeof(*list));
	m->list = list;
	for (int i = 0; i < rows_count(rows); i++)
		compare_row(a, rows, i, m);
	qsort(m->list, m->n, sizeof(*m->list), by_version);
	return OK;
}

/* One row of schema_functions against the files. */
static void
compare_functions_row(struct arena *a, const struct rows *rows, int row, struct migrations *m)
{
	const char *area = row_text(rows, row, "area");
	struct function_file *f = m->functions;
	size_t i = 0;

	while (i < m->n_functions && strcmp(f[i].area, area) != 0)
		i++;
	if (i == m->n_functions)
		f[m->n_functions++] = (struct function_file){ .area = arena_strdup(a, area),
			.state = MIGRATION_UNKNOWN };
	else if (strcmp(f[i].checksum, row_text(rows, row, "checksum")) == 0)
		f[i].state = MIGRATION_APPLIED;
	f[i].applied_at = arena_strdup(a, row_text(rows, row, "applied_at"));
}

/* Anew at each call: what was known of the database before is forgotten. */
static enum status
compare_functions(struct arena *a, struct pg *pg, struct migrations *m)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct function_file *list;
	size_t n = 0;
	enum status st;

	st = pg_query_again(
	    pg, &rows, "SELECT area, checksum, " APPLIED_AT " FROM public.schema_functions ORDER BY area");
	if (st != OK)
		return st;
	list = ARENA_ARRAY(a, struct function_file, m->n_functions + (size_t)rows_count(rows) + 1);
	for (size_t i = 0; i < m->n_functions; i++) {
		if (m->functions[i].state == MIGRATION_UNKNOWN)
			continue;
		list[n] = m->functions[i];
		list[n].state = MIGRATION_PENDING;
		list[n++].applied_at = NULL;
	}
	m->functions = list;
	m->n_functions = n;
	for (int i = 0; i < rows_count(rows); i++)
		compare_functions_row(a, rows, i, m);
	return OK;
}

enum status
migrate_compare(struct arena *a, struct pg *pg, struct migrations *m, struct buf *problem)
{
	AUTO_ROWS struct rows *exist = NULL;
	enum status st;

	st = pg_query_again(pg, &exist,
	    "SELECT to_regclass('public.schema_migrations') IS NOT NULL AS migrations,"
	    " to_regclass('public.schema_functions') IS NOT NULL AS functions");
	if (st == OK && row_bool(exist, 0, "migrations"))
		st = compare_migrations(a, pg, m);
	if (st == OK && row_bool(exist, 0, "functions"))
		st = compare_functions(a, pg, m);
	if (st != OK)
		buf_printf(problem, "cannot read what was migrated: %s", pg_error(pg));
	return st;
}

/* "0001_ground, 0002_account" of all in `state`; their number. */
static size_t
list_state(const struct migrations *m, enum migration_state state, struct buf *to)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].state == state)
			buf_printf(to, "%s%04d_%s", n++ > 0 ? ", " : "", m->list[i].version, m->list[i].name);
	return n;
}

/* "ground, task" of all functions that are not as in the files; their number. */
static size_t
list_functions(const struct migrations *m, struct buf *to)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_functions; i++)
		if (m->functions[i].state != MIGRATION_APPLIED)
			buf_printf(to, "%s%s", n++ > 0 ? ", " : "", m->functions[i].area);
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

/* Has the database all of these and, above them, others? */
static bool
is_ahead(const struct migrations *m)
{
	size_t ours = 0;

	while (ours < m->n && m->list[ours].state == MIGRATION_APPLIED)
		ours++;
	for (size_t i = ours; i < m->n; i++)
		if (m->list[i].state != MIGRATION_UNKNOWN)
			return false;
	return ours > 0 && ours < m->n;
}

/* How a database that was asked fits, with a sentence unless it does. */
static enum migrate_fit
judge(const struct migrations *m, struct buf *problem)
{
	struct buf names = BUF_INIT(1024);
	enum migrate_fit fit = MIGRATE_FITS;

	if (is_ahead(m)) {
		list_state(m, MIGRATION_UNKNOWN, &names);
		buf_printf(
		    problem, "the database is ahead of this build, by %s; upgrade Weir here too", buf_str(&names));
		fit = MIGRATE_AHEAD;
	} else if (refuse_strangers(m, problem) != OK) {
		fit = MIGRATE_FOREIGN;
	} else if (list_state(m, MIGRATION_PENDING, &names) > 0) {
		buf_printf(problem, "the database lacks migrations this build needs: %s; run weirctl migrate up",
		    buf_str(&names));
		fit = MIGRATE_BEHIND;
	} else if (list_functions(m, &names) > 0) {
		buf_printf(problem, "the database has not got the functions of this build: %s; run weirctl migrate up",
		    buf_str(&names));
		fit = MIGRATE_BEHIND;
	}
	buf_free(&names);
	return fit;
}

/* The same as migrate_check() within an arena. */
static enum migrate_fit
check_in(struct arena *a, struct pg *pg, const char *dir, struct buf *problem)
{
	struct migrations m;

	if (migrate_read(a, dir, &m, problem) != OK)
		return MIGRATE_FOREIGN;
	if (m.n == 0) {
		buf_printf(problem, "there are no migrations in %s", dir);
		return MIGRATE_FOREIGN;
	}
	switch (migrate_compare(a, pg, &m, problem)) {
	case OK: return judge(&m, problem);
	case E_UNAVAILABLE: return MIGRATE_UNASKED;
	default: return MIGRATE_FOREIGN;
	}
}

enum migrate_fit
migrate_check(struct pg *pg, const struct conf *conf, struct buf *problem)
{
	struct arena *a = arena_new(65536, 64 << 20);
	enum migrate_fit fit = check_in(a, pg, migrate_dir(conf, NULL), problem);

	arena_free(a);
	return fit;
}

static atomic_bool admitted;

void
migrate_admit(void)
{
	atomic_store(&admitted, true);
}

bool
migrate_admitted(void)
{
	return atomic_load(&admitted);
}

enum migrate_fit
migrate_await(struct pg *pg, const struct conf *conf, bool for_server, bool (*stop)(void), struct buf *problem)
{
	int64_t told_ms = 0;
	bool waited = for_server;
	enum migrate_fit fit;

	for (;;) {
		fit = migrate_check(pg, conf, problem);
		/* who waits for migrations sits out a restart of the server too */
		waited |= fit == MIGRATE_BEHIND;
		if (fit != MIGRATE_BEHIND && !(fit == MIGRATE_UNASKED && waited))
			return fit;
		if (told_ms == 0 || clock_mono_ms() - told_ms >= AWAIT_TELL_MS) {
			LOG(WARN, "schema_awaited", LS("why", buf_str(problem)));
			told_ms = clock_mono_ms();
		}
		for (int ms = 0; ms < AWAIT_PAUSE_MS; ms += AWAIT_STEP_MS) {
			if (stop != NULL && stop())
				return MIGRATE_BEHIND;
			nanosleep(&(struct timespec){ .tv_nsec = AWAIT_STEP_MS * 1000000L }, NULL);
		}
		buf_clear(problem);
	}
}

/* What every transaction here begins with. */
static enum status
begin_locked(struct pg *pg)
{
	enum status st;

	if ((st = pg_begin(pg)) == OK && (st = pg_script(pg, SETTINGS_SQL)) == OK &&
	    (st = pg_query(pg, NULL, LOCK_SQL)) == OK)
		st = pg_query(pg, NULL, OWNER_SQL);
	return st;
}

/* Did it only fail because somebody was in the way?  Then that somebody passes, and
 * the whole transaction may be tried again. */
static bool
let_pass(struct pg *pg, int *tries)
{
	const struct timespec pause = { 0, TRY_PAUSE_MS * 1000000L };
	bool in_the_way = strcmp(pg_sqlstate(pg), "55P03") == 0 || strcmp(pg_sqlstate(pg), "40P01") == 0;

	if (!in_the_way || ++*tries == TRIES_MAX)
		return false;
	pg_rollback(pg);
	nanosleep(&pause, NULL);
	return true;
}

/* The tables of what was done, made before the first migration. */
static enum status
make_tables(struct pg *pg, struct buf *problem)
{
	enum status st;
	int tries = 0;

	do {
		if ((st = begin_locked(pg)) == OK && (st = pg_script(pg, create_tables)) == OK)
			st = pg_commit(pg);
	} while (st != OK && let_pass(pg, &tries));
	if (st != OK) {
		buf_printf(problem, "cannot make tables schema_migrations and schema_functions: %s", pg_error(pg));
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

/* Write down that it was applied, or forget it; and that the functions were made for other tables. */
static enum status
record(struct pg *pg, const struct migration *m, bool up)
{
	enum status st = pg_query(pg, NULL, "DELETE FROM public.schema_functions");

	if (st != OK)
		return st;
	if (!up)
		return pg_query(pg, NULL, "DELETE FROM public.schema_migrations WHERE version = $1", PI(m->version));
	return pg_query(pg, NULL, "INSERT INTO public.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
	    PI(m->version), PS(m->name), PS(m->checksum));
}

/* Everything of one migration between LOCK and COMMIT; *done when another run was first. */
static enum status
run_inside(struct pg *pg, const struct migration *m, const char *sql, bool up, bool *done)
{
	bool applied = false;
	enum status st;

	if ((st = is_applied(pg, m, &applied)) != OK)
		return st;
	*done = applied == up;
	if (*done)
		return OK;
	if ((st = pg_script(pg, sql)) != OK)
		return st;
	return record(pg, m, up);
}

/* The file as a script; NULL and a sentence. */
static const char *
read_script(struct arena *a, const char *path, struct buf *problem)
{
	size_t len;
	const char *sql = read_file(a, path, &len);

	if (sql == NULL)
		(void)!bad_folder(problem, "%s: %s", path, strerror(errno));
	else if (strlen(sql) != len)
		(void)!bad_folder(problem, "%s: there is a NUL in it", path);
	else
		return sql;
	return NULL;
}

/* The transaction of a file failed: say where and why, unless that was said, and leave it. */
static enum status
give_up(struct pg *pg, enum status st, const char *path, struct buf *problem)
{
	if (problem->len == 0)
		buf_printf(
		    problem, "%s: %s%s%s", path, pg_sqlstate(pg), *pg_sqlstate(pg) != '\0' ? " " : "", pg_error(pg));
	pg_rollback(pg);
	return st;
}

static enum status
run_one(struct arena *a, struct pg *pg, const struct migration *m, bool up, migrate_note_fn *note, void *arg,
    struct buf *problem)
{
	const char *path = up ? m->up_path : m->down_path, *direction = up ? "up" : "down", *sql;
	const char *name = arena_printf(a, "%04d_%s", m->version, m->name);
	int64_t from = clock_mono_us();
	bool done = false;
	enum status st;
	int tries = 0;

	note(arg, name, direction, -1);
	if ((sql = read_script(a, path, problem)) == NULL)
		return E_INVALID_REQUEST;
	do {
		if ((st = begin_locked(pg)) == OK && (st = run_inside(pg, m, sql, up, &done)) == OK)
			st = pg_commit(pg);
	} while (st != OK && let_pass(pg, &tries));
	if (st != OK)
		return give_up(pg, st, path, problem);
	note(arg, name, direction, clock_mono_us() - from);
	return OK;
}

/* One file of functions within the transaction; of one whose file is gone, the record goes. */
static enum status
run_functions_file(struct arena *a, struct pg *pg, const struct function_file *f, struct buf *problem)
{
	const char *sql;
	enum status st;

	if (f->state == MIGRATION_UNKNOWN)
		return pg_query(pg, NULL, "DELETE FROM public.schema_functions WHERE area = $1", PS(f->area));
	if ((sql = read_script(a, f->path, problem)) == NULL)
		return E_INVALID_REQUEST;
	if ((st = pg_script(pg, sql)) != OK)
		return st;
	return pg_query(pg, NULL,
	    "INSERT INTO public.schema_functions (area, checksum) VALUES ($1, $2)"
	    " ON CONFLICT (area) DO UPDATE SET checksum = excluded.checksum, applied_at = now()",
	    PS(f->area), PS(f->checksum));
}

/* Under the lock: those files of functions that are not on record as they are; *path is
 * the one at work, us[i] how long it took. */
static enum status
run_files(struct arena *a, struct pg *pg, struct migrations *m, const char **path, int64_t *us, struct buf *problem)
{
	enum status st = compare_functions(a, pg, m);
	int64_t from;

	for (size_t i = 0; i < m->n_functions && st == OK; i++) {
		const struct function_file *f = &m->functions[i];

		if (f->state == MIGRATION_APPLIED)
			continue;
		from = clock_mono_us();
		*path = f->path != NULL ? f->path : *path;
		st = run_functions_file(a, pg, f, problem);
		us[i] = clock_mono_us() - from;
	}
	return st;
}

/* All of them in one transaction: no caller sees one file's new functions beside
 * another's old. */
static enum status
run_functions(
    struct arena *a, struct pg *pg, struct migrations *m, migrate_note_fn *note, void *arg, struct buf *problem)
{
	const char *path = "schema_functions";
	int64_t *us = ARENA_ARRAY(a, int64_t, m->n_functions + 1);
	enum status st;
	int tries = 0;

	do {
		if ((st = begin_locked(pg)) == OK && (st = run_files(a, pg, m, &path, us, problem)) == OK)
			st = pg_commit(pg);
	} while (st != OK && let_pass(pg, &tries));
	if (st != OK)
		return give_up(pg, st, path, problem);
	for (size_t i = 0; i < m->n_functions; i++)
		if (m->functions[i].state == MIGRATION_PENDING)
			note(arg, arena_printf(a, "%s/%s", FUNCTIONS_DIR, m->functions[i].area), "up", us[i]);
	return OK;
}

enum status
migrate_up(struct arena *a, struct pg *pg, const char *dir, migrate_note_fn *note, void *arg, struct buf *problem)
{
	struct migrations m;
	enum status st;

	if ((st = migrate_read(a, dir, &m, problem)) != OK || (st = make_tables(pg, problem)) != OK ||
	    (st = migrate_compare(a, pg, &m, problem)) != OK || (st = refuse_strangers(&m, problem)) != OK)
		return st;
	for (size_t i = 0; i < m.n && st == OK; i++)
		if (m.list[i].state == MIGRATION_PENDING)
			st = run_one(a, pg, &m.list[i], true, note, arg, problem);
	return st == OK ? run_functions(a, pg, &m, note, arg, problem) : st;
}

enum status
migrate_down(
    struct arena *a, struct pg *pg, const char *dir, int count, migrate_note_fn *note, void *arg, struct buf *problem)
{
	struct migrations m;
	enum status st;

	if ((st = migrate_read(a, dir, &m, problem)) != OK || (st = migrate_compare(a, pg, &m, problem)) != OK)
		return st;
	for (size_t i = m.n; i-- > 0 && count > 0 && st == OK;) {
		if (m.list[i].state == MIGRATION_PENDING)
			continue;
		if (m.list[i].state == MIGRATION_UNKNOWN)
			return refuse_strangers(&m, problem);
		st = run_one(a, pg, &m.list[i], false, note, arg, problem);
		count--;
	}
	return st;
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
	if ((st = write_new(*up,
		 arena_printf(a, "-- %s: what it is for.  Functions stand in functions/AREA.sql.\n", name), problem)) !=
	    OK)
		return st;
	return write_new(*down, arena_printf(a, "-- Takes %04d_%s back.\n", version, name), problem);
}
