#include "store/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/clock.h"
#include "core/spool.h"
#include "store/local.h"

#define FILES_AT_ONCE 500
/* Older than any request that still goes on. */
#define YOUNG_MS 600000

/* Did nobody write to it for so long? */
static bool
is_old(int folder, const char *name, int64_t than_ms)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    (int64_t)st.st_mtime * 1000 < clock_wall_ms() - than_ms;
}

static int64_t
remove_file(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0)
		return 1;
	if (errno != ENOENT)
		LOG(WARN, "object_not_removed", LS("name", name), LS("error", strerror(errno)));
	return 0;
}

/* Those of the names {a,b,…} of a folder that may go. */
static enum status
remove_needless(struct sweeper *s, int folder, struct buf *names, int64_t *removed)
{
	const struct conf *conf = s->cx.conf;
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (names->len == 0)
		return OK;
	buf_puts(names, "}");
	/* driver = local: what is in the bucket is on its way here */
	st = pg_query_again(s->cx.pg, &rows,
	    "SELECT f.name, o.id IS NULL AS unknown FROM unnest($1::text[]) AS f(name)"
	    " LEFT JOIN objects o ON o.name = f.name WHERE o.id IS NULL OR (o.place = 's3' AND $2)",
	    PS(buf_str(names)), PB(strcmp(conf->storage_driver, "s3") == 0));
	buf_clear(names);
	if (st != OK)
		return st;
	for (int i = 0; i < rows_count(rows); i++) {
		const char *file = row_text(rows, i, "name") + 3;

		if (is_old(folder, file,
			row_bool(rows, i, "unknown") ? conf->storage_orphan_age : conf->storage_keep_local))
			*removed += remove_file(folder, file);
	}
	return OK;
}

/* One of the 256 folders of whole files. */
static enum status
sweep_whole(struct sweeper *s, DIR *dir, const char *folder, int64_t *removed)
{
	const struct conf *conf = s->cx.conf;
	int64_t than_ms = conf->storage_keep_local < conf->storage_orphan_age ? conf->storage_keep_local
									      : conf->storage_orphan_age;
	struct buf names = BUF_INIT(0);
	struct dirent *e;
	enum status st = OK;
	int n = 0;

	while (st == OK && (e = readdir(dir)) != NULL && !s->stopping()) {
		if (!local_is_name(folder, e->d_name) || !is_old(dirfd(dir), e->d_name, than_ms))
			continue;
		buf_printf(&names, "%s%s/%s", names.len == 0 ? "{" : ",", folder, e->d_name);
		if (++n % FILES_AT_ONCE == 0)
			st = remove_needless(s, dirfd(dir), &names, removed);
	}
	if (st == OK)
		st = remove_needless(s, dirfd(dir), &names, removed);
	buf_free(&names);
	return st;
}

/* What was coming in when its process died. */
static enum status
sweep_tmp(struct sweeper *s, DIR *dir, const char *folder, int64_t *removed)
{
	struct dirent *e;
	char id[UUID_LEN];

	(void)folder;
	while ((e = readdir(dir)) != NULL && !s->stopping())
		if (uuid_parse(e->d_name, id) && is_old(dirfd(dir), e->d_name, YOUNG_MS))
			*removed += remove_file(dirfd(dir), e->d_name);
	return OK;
}

/* Open a folder below `top`; NULL when it is not there (yet). */
static DIR *
open_folder(int top, const char *name)
{
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

static enum status
sweep_below(struct sweeper *s, int top, const char *name,
    enum status (*sweep)(struct sweeper *, DIR *, const char *, int64_t *), int64_t *removed)
{
	DIR *dir = open_folder(top, name);
	enum status st;

	if (dir == NULL)
		return OK;
	st = sweep(s, dir, name, removed);
	closedir(dir);
	return st;
}

enum status
sweep_folder(struct sweeper *s)
{
	int top = *s->cx.conf->uploads_folder == '\0'
	    ? -1
	    : open(s->cx.conf->uploads_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t removed = 0;
	enum status st;

	if (top < 0)
		return OK; /* none yet, or none here */
	st = sweep_below(s, top, SPOOL_TMP, sweep_tmp, &removed);
	for (int i = 0; i < 256 && st == OK && !s->stopping(); i++) {
		char name[3] = { "0123456789abcdef"[i >> 4], "0123456789abcdef"[i & 15], '\0' };

		st = sweep_below(s, top, name, sweep_whole, &removed);
	}
	close(top);
	if (removed > 0)
		LOG(INFO, "pruned", LS("what", "files"), LI("count", removed));
	return st;
}
