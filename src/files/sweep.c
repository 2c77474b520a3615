#include "files/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "files/uploads.h"

#define FILES_AT_ONCE 500
/* Older than any request that still goes on, so that a file about to get its
 * row is left alone. */
#define YOUNG_S 600

static bool
is_old(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_mtime < time(NULL) - YOUNG_S;
}

static int64_t
remove_file(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0)
		return 1;
	if (errno != ENOENT)
		LOG(WARN, "upload_not_removed", LS("id", name), LS("error", strerror(errno)));
	return 0;
}

/* Remove those of the ids {a,b,…} that have no row. */
static enum status
remove_ownerless(struct sweeper *s, int folder, struct buf *ids, int64_t *removed)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (ids->len == 0)
		return OK;
	buf_puts(ids, "}");
	st = pg_query_again(s->cx.pg, &rows,
	    "SELECT f.id FROM unnest($1::uuid[]) AS f(id) WHERE NOT EXISTS (SELECT FROM uploads u WHERE u.id = f.id)",
	    PS(buf_str(ids)));
	buf_clear(ids);
	if (st != OK)
		return st;
	for (int i = 0; i < rows_count(rows); i++)
		*removed += remove_file(folder, row_text(rows, i, "id"));
	return OK;
}

/* One of the 256 folders of whole files. */
static enum status
sweep_folder(struct sweeper *s, DIR *dir, int64_t *removed)
{
	struct buf ids = BUF_INIT(0);
	char id[UUID_LEN];
	struct dirent *e;
	enum status st = OK;
	int n = 0;

	while (st == OK && (e = readdir(dir)) != NULL && !s->stopping()) {
		/* strcmp: a name that is an id in other letters is not ours */
		if (!uuid_parse(e->d_name, id) || strcmp(id, e->d_name) != 0 || !is_old(dirfd(dir), id))
			continue;
		buf_printf(&ids, "%s%s", ids.len == 0 ? "{" : ",", id);
		if (++n % FILES_AT_ONCE == 0)
			st = remove_ownerless(s, dirfd(dir), &ids, removed);
	}
	if (st == OK)
		st = remove_ownerless(s, dirfd(dir), &ids, removed);
	buf_free(&ids);
	return st;
}

/* What was coming in when its process died. */
static enum status
sweep_tmp(struct sweeper *s, DIR *dir, int64_t *removed)
{
	struct dirent *e;
	char id[UUID_LEN];

	while ((e = readdir(dir)) != NULL && !s->stopping())
		if (uuid_parse(e->d_name, id) && is_old(dirfd(dir), e->d_name))
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
sweep_below(struct sweeper *s, int top, const char *name, enum status (*sweep)(struct sweeper *, DIR *, int64_t *),
    int64_t *removed)
{
	DIR *dir = open_folder(top, name);
	enum status st;

	if (dir == NULL)
		return OK;
	st = sweep(s, dir, removed);
	closedir(dir);
	return st;
}

enum status
sweep_stale_uploads(struct sweeper *s)
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

		st = sweep_below(s, top, name, sweep_folder, &removed);
	}
	close(top);
	if (removed > 0)
		LOG(INFO, "pruned", LS("what", "upload_files"), LI("count", removed));
	return st;
}
