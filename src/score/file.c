/* The scoreboard's file: making, sharing, mapping. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "score/layout.h"

static const char magic[8] = "weirscb";

/* A number that differs between builds that would not understand each other. */
static uint64_t
layout_id(void)
{
	static const char *const names[] = {
#define SCORE(NAME, kind, unit, metric, help) #kind metric,
#include "score/score.def"
#undef SCORE
	};
	uint64_t h = UINT64_C(14695981039346656037) ^ sizeof(struct head) ^ (sizeof(struct slot) << 20) ^
	    (sizeof(struct pairs) << 40) ^ PAIR_COUNTS;

	for (size_t i = 0; i < SCORE_COUNT; i++)
		for (const char *p = names[i]; *p != '\0'; p++)
			h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211); /* FNV-1a */
	return h;
}

static size_t
board_bytes(uint32_t slots)
{
	return sizeof(struct head) + (size_t)slots * sizeof(struct slot) + sizeof(struct pairs);
}

static void
close_keeping_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/* Map an existing board.  NULL with errno ESTALE when it is another build's. */
static struct scoreboard *
map_board(int fd, bool writable)
{
	struct scoreboard *board;
	struct stat st;
	void *at;

	if (fstat(fd, &st) != 0)
		return NULL;
	errno = ESTALE;
	if ((size_t)st.st_size < board_bytes(1))
		return NULL;
	at = mmap(NULL, (size_t)st.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (memcmp(((struct head *)at)->magic, magic, sizeof(magic)) != 0 ||
	    ((struct head *)at)->layout != layout_id() ||
	    board_bytes(((struct head *)at)->n_slots) != (size_t)st.st_size) {
		munmap(at, (size_t)st.st_size);
		errno = ESTALE;
		return NULL;
	}
	board = xcalloc(1, sizeof(*board));
	*board = (struct scoreboard){ .fd = fd,
		.writable = writable,
		.bytes = (size_t)st.st_size,
		.head = at,
		.slots = (struct slot *)(void *)((char *)at + sizeof(struct head)),
		.pairs = (struct pairs *)(void *)((char *)at + (size_t)st.st_size - sizeof(struct pairs)) };
	return board;
}

/* Make an empty board in the empty file `fd`. */
static struct scoreboard *
init_board(int fd, unsigned slots)
{
	struct head *h;
	size_t bytes = board_bytes(slots);

	if (ftruncate(fd, (off_t)bytes) != 0)
		return NULL;
	h = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED)
		return NULL;
	h->layout = layout_id();
	h->n_slots = slots;
	h->started_ms = clock_wall_ms();
	cell_set(&h->listen_queue, -1);
	cell_set(&h->listen_queue_max, -1);
	cell_set(&h->listen_backlog, -1);
	memcpy(h->magic, magic, sizeof(magic));
	munmap(h, bytes);
	return map_board(fd, true);
}

/* Put a new board in the place of whatever is at `path`, in one step. */
static struct scoreboard *
replace_board(const char *path, unsigned slots)
{
	struct scoreboard *board;
	char temp[4096];
	int fd;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.%d", path, (int)getpid()) >= sizeof(temp)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	unlink(temp);
	if ((fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) < 0)
		return NULL;
	if ((board = init_board(fd, slots)) == NULL || flock(fd, LOCK_SH) != 0) {
		unlink(temp);
		close_keeping_errno(fd);
		return NULL;
	}
	if (rename(temp, path) != 0) {
		int saved = errno;

		unlink(temp);
		scoreboard_close(board);
		errno = saved;
		return NULL;
	}
	return board;
}

/* Is the file behind `fd` still the one at `path`? */
static bool
is_at(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
	    ours.st_dev == there.st_dev;
}

/* Open the file at `path`, made if need be, as the only one who is opening it
 * now: under a record lock, which ends when we close it. */
static int
open_alone(const char *path)
{
	int fd;

	for (;;) {
		if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640)) < 0)
			return -1;
		while (!score_lock(fd) && errno == EINTR)
			;
		if (is_at(fd, path))
			return fd;
		close(fd); /* replaced while we waited */
	}
}

/* The file at `path` when others use it, else a new one.  Whoever uses a board
 * holds a shared flock() of it for life: on the open file, so that a master and
 * its children count as one, and a death of any kind gives it back. */
static struct scoreboard *
open_file(const char *path, unsigned slots)
{
	struct scoreboard *board;
	int fd = open_alone(path);

	if (fd < 0)
		return NULL;
	board = map_board(fd, true);
	if (board != NULL && flock(fd, LOCK_EX | LOCK_NB) != 0 && flock(fd, LOCK_SH | LOCK_NB) == 0) {
		score_unlock(fd);
		return board;
	}
	if (board != NULL)
		munmap(board->head, board->bytes);
	free(board);
	board = replace_board(path, slots);
	close_keeping_errno(fd);
	return board;
}

struct scoreboard *
scoreboard_open(const char *path, unsigned slots, char why[256])
{
	struct scoreboard *board = NULL;
	int fd;

	if (why != NULL)
		why[0] = '\0';
	if (path != NULL && *path != '\0') {
		if ((board = open_file(path, slots)) != NULL)
			return board;
		if (why != NULL)
			snprintf(why, 256, "%s: %s", path, strerror(errno));
	}
	fd = memfd_create("weir-scoreboard", MFD_CLOEXEC);
	if (fd >= 0)
		board = init_board(fd, slots);
	if (board == NULL)
		abort();
	return board;
}

struct scoreboard *
scoreboard_attach(int fd)
{
	struct scoreboard *board;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if ((board = map_board(fd, true)) == NULL)
		close_keeping_errno(fd);
	return board;
}

struct scoreboard *
scoreboard_view(const char *path)
{
	struct scoreboard *board;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if ((board = map_board(fd, false)) == NULL)
		close_keeping_errno(fd);
	return board;
}

void
scoreboard_close(struct scoreboard *board)
{
	if (board == NULL)
		return;
	munmap(board->head, board->bytes);
	close(board->fd);
	free(board);
}

int
scoreboard_fd(const struct scoreboard *board)
{
	return board->fd;
}
