#include "store/local.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#define HASH_LEN (2 * SHA256_BYTES)
#define READ_BYTES (256 << 10)

const char *
local_path(struct arena *a, const struct conf *conf, const char *name)
{
	return arena_printf(a, "%s/%s", conf->uploads_folder, name);
}

/* A rename lasts when its folder is on disk. */
static bool
sync_folder(struct arena *a, const char *path)
{
	int fd = open(dirname(arena_strdup(a, path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static enum status
move(struct context *cx, const char *from, const char *to)
{
	if (rename(from, to) != 0 && (errno != ENOENT || !spool_make_folders(cx, to) || rename(from, to) != 0))
		return spool_refuse(cx, "rename", to);
	return sync_folder(cx->arena, to) ? OK : spool_refuse(cx, "fsync", to);
}

enum status
local_keep(struct context *cx, struct spool *s, const char *name)
{
	enum status st;

	if (fsync(s->fd) != 0)
		return spool_refuse(cx, "fsync", s->path);
	st = move(cx, s->path, local_path(cx->arena, cx->conf, name));
	if (st == OK)
		s->path = NULL;
	return st;
}

enum status
local_rename(struct context *cx, const char *from, const char *to)
{
	return move(cx, local_path(cx->arena, cx->conf, from), local_path(cx->arena, cx->conf, to));
}

bool
local_has(struct context *cx, const char *name, int64_t size_bytes)
{
	struct stat st;

	return stat(local_path(cx->arena, cx->conf, name), &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size_bytes;
}

/* SHA-256 of a file as hex; false: it is not that long, or cannot be read. */
static bool
hash_file(int fd, int64_t size_bytes, char hex[HASH_LEN + 1])
{
	struct crypto_sha256 *h = crypto_sha256_new();
	unsigned char sum[SHA256_BYTES];
	char *piece = xmalloc(READ_BYTES);
	int64_t at = 0;
	ssize_t n;

	while ((n = pread(fd, piece, READ_BYTES, (off_t)at)) > 0) {
		crypto_sha256_add(h, piece, (size_t)n);
		at += n;
	}
	free(piece);
	crypto_sha256_end(h, sum);
	crypto_hex(sum, sizeof(sum), hex);
	return n == 0 && at == size_bytes;
}

bool
local_is_whole(int fd, const char *name, int64_t size_bytes)
{
	const char *file = strchr(name, '/');
	char hex[HASH_LEN + 1];

	if (file == NULL || !hash_file(fd, size_bytes, hex))
		return false;
	return strlen(++file) < HASH_LEN || strncmp(file, hex, HASH_LEN) == 0;
}

void
local_remove(struct context *cx, const char *name)
{
	if (unlink(local_path(cx->arena, cx->conf, name)) != 0 && errno != ENOENT)
		LOG(WARN, "object_not_removed", LS("name", name), LS("error", strerror(errno)),
		    LS("hint", "weir-worker will try again"));
}

bool
local_is_name(const char *folder, const char *file)
{
	char id[UUID_LEN];

	/* strcmp: a name that is an id in other letters is not ours */
	if (uuid_parse(file, id))
		return strcmp(id, file) == 0 && strcmp(id + UUID_LEN - 3, folder) == 0;
	return strlen(file) == HASH_LEN + 1 + LOCAL_MARK_LEN && strspn(file, "0123456789abcdef") == HASH_LEN &&
	    file[HASH_LEN] == '.' && strspn(file + HASH_LEN + 1, "0123456789abcdef") == LOCAL_MARK_LEN &&
	    strncmp(file, folder, 2) == 0;
}
