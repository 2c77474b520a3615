#include "knowledge/codes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "search/nearest.h"

enum {
	PAGE = 20000,		/* rows that are read at once */
	KEEP_MS = 60000,	/* so long they are kept at least */
	IDLE_MS = 900000,	/* whose space nobody searched so long leaves */
	BYTES_MOST = 134217728, /* of all spaces of the process */
};

/* Of one space. */
struct codes {
	struct codes *next;
	int64_t space_id;
	size_t dims, words;
	pthread_rwlock_t rows; /* for the next five */
	int64_t *chunks;
	uint64_t *codes;
	size_t n, room;
	int64_t batch; /* what came until then is there */
	/* under the lock */
	int64_t read_ms, used_ms;
	size_t bytes; /* as it was when it was read, and at each search */
	unsigned refs;
	bool is_ready;
	bool too_many; /* of these nothing is kept but that */
	bool is_gone;  /* nobody finds it any more, the last to use it frees it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct codes *kept;

static void
release(struct codes *c)
{
	pthread_rwlock_destroy(&c->rows);
	free(c->chunks);
	free(c->codes);
	free(c);
}

/* Take it out of the list.  Under the lock; `at` points at it. */
static void
unlink_at(struct codes **at)
{
	struct codes *c = *at;

	*at = c->next;
	c->is_gone = true;
	if (c->refs == 0)
		release(c);
}

/* Make room: nobody looks into some any more, and of the others those that were used longest
 * ago leave until the rest fits.  Under the lock. */
static void
make_room(int64_t now_ms)
{
	size_t bytes = 0;
	struct codes **oldest;

	for (struct codes **at = &kept; *at != NULL;) {
		if ((*at)->refs == 0 && (*at)->used_ms + IDLE_MS < now_ms) {
			unlink_at(at);
			continue;
		}
		bytes += (*at)->bytes;
		at = &(*at)->next;
	}
	while (bytes > BYTES_MOST) {
		oldest = NULL;
		for (struct codes **at = &kept; *at != NULL; at = &(*at)->next)
			if ((*at)->refs == 0 && (*at)->bytes > 0 &&
			    (oldest == NULL || (*at)->used_ms < (*oldest)->used_ms))
				oldest = at;
		if (oldest == NULL)
			break;
		bytes -= (*oldest)->bytes;
		unlink_at(oldest);
	}
}

/* The codes of a space, for put_back(); *is_new: the caller is to read them.  NULL: they are not ready. */
static struct codes *
take(int64_t space_id, size_t dims, bool *is_new)
{
	int64_t now_ms = clock_mono_ms();
	struct codes *c;

	*is_new = false;
	pthread_mutex_lock(&lock);
	make_room(now_ms);
	for (c = kept; c != NULL && c->space_id != space_id;)
		c = c->next;
	if (c == NULL) {
		c = xcalloc(1, sizeof *c);
		*c = (struct codes){ .next = kept,
			.space_id = space_id,
			.dims = dims,
			.words = nearest_words(dims),
			.read_ms = now_ms };
		pthread_rwlock_init(&c->rows, NULL);
		kept = c;
		*is_new = true;
	} else if (!c->is_ready || c->dims != dims)
		c = NULL;
	if (c != NULL) {
		c->used_ms = now_ms;
		c->refs++;
	}
	pthread_mutex_unlock(&lock);
	return c;
}

static void
put_back(struct codes *c)
{
	size_t bytes;

	pthread_rwlock_rdlock(&c->rows);
	bytes = c->room * (sizeof *c->chunks + c->words * sizeof *c->codes);
	pthread_rwlock_unlock(&c->rows);
	pthread_mutex_lock(&lock);
	c->bytes = bytes;
	if (--c->refs == 0 && c->is_gone)
		release(c);
	pthread_mutex_unlock(&lock);
}

/* Nobody shall find it any more.  Under the lock. */
static void
leave(const struct codes *c)
{
	for (struct codes **at = &kept; *at != NULL; at = &(*at)->next)
		if (*at == c) {
			unlink_at(at);
			return;
		}
}

void
codes_forget(int64_t space_id)
{
	int64_t now_ms = clock_mono_ms();

	pthread_mutex_lock(&lock);
	for (struct codes **at = &kept; *at != NULL; at = &(*at)->next)
		if ((*at)->space_id == space_id && (*at)->is_ready && (*at)->read_ms + KEEP_MS < now_ms) {
			unlink_at(at);
			break;
		}
	pthread_mutex_unlock(&lock);
}

/* Add rows to what is there: by the one who reads them first, or under the lock for rows. */
static enum status
add(struct context *cx, struct codes *c, const struct rows *rows)
{
	size_t more = (size_t)rows_count(rows);

	if (c->n + more > c->room) {
		c->room = c->n + more + c->n / 4;
		c->chunks = xrealloc(c->chunks, c->room * sizeof *c->chunks);
		c->codes = xrealloc(c->codes, c->room * c->words * sizeof *c->codes);
	}
	for (size_t i = 0; i < more; i++) {
		c->chunks[c->n] = row_int(rows, (int)i, "chunk_id");
		if (!nearest_pack(row_text(rows, (int)i, "code"), c->dims, c->codes + c->n * c->words))
			return fail(cx, E_INTERNAL, "the code of chunk %lld in space %lld has not %zu bits",
			    (long long)c->chunks[c->n], (long long)c->space_id, c->dims);
		c->n++;
	}
	return OK;
}

/* All that is there until `batch`, a page at a time: as text a code is eight times as large. */
static enum status
read_all(struct context *cx, struct codes *c, int64_t batch)
{
	int64_t after = INT64_MIN;
	int count = PAGE;
	enum status st;

	while (count == PAGE && !c->too_many) {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(cx->pg, &rows,
		    "SELECT chunk_id, code FROM kb_code WHERE space_id = $1 AND chunk_id > $2 AND batch <= $3"
		    " ORDER BY chunk_id LIMIT $4",
		    PI(c->space_id), PI(after), PI(batch), PI(PAGE));
		if (st != OK)
			return fail(cx, st, "codes of space %lld: %s", (long long)c->space_id, pg_error(cx->pg));
		if ((st = add(cx, c, rows)) != OK)
			return st;
		if ((count = rows_count(rows)) > 0)
			after = c->chunks[c->n - 1];
		c->too_many = c->n > CODES_MOST;
	}
	c->batch = batch;
	if (c->too_many) {
		free(c->chunks);
		free(c->codes);
		c->chunks = NULL;
		c->codes = NULL;
		c->n = c->room = 0;
	}
	return OK;
}

/* What came after `since`.  *since is what is there then: what another thread read meanwhile too. */
static enum status
read_since(struct context *cx, struct codes *c, int64_t batch, int64_t *since)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT chunk_id, code FROM kb_code WHERE space_id = $1 AND batch > $2 AND batch <= $3", PI(c->space_id),
	    PI(*since), PI(batch));

	if (st != OK)
		return fail(cx, st, "new codes of space %lld: %s", (long long)c->space_id, pg_error(cx->pg));
	pthread_rwlock_wrlock(&c->rows);
	if (c->batch == *since && (st = add(cx, c, rows)) == OK)
		c->batch = batch;
	*since = c->batch;
	pthread_rwlock_unlock(&c->rows);
	return st;
}

static enum status
read_news(struct context *cx, struct codes *c, int64_t batch)
{
	int64_t since;
	enum status st = OK;

	pthread_rwlock_rdlock(&c->rows);
	since = c->batch;
	pthread_rwlock_unlock(&c->rows);
	while (st == OK && since < batch)
		st = read_since(cx, c, batch, &since);
	return st;
}

static void
find(struct context *cx, struct codes *c, const uint64_t *code, size_t limit, int64_t **chunks, size_t *n)
{
	size_t *which = ARENA_ARRAY(cx->arena, size_t, limit + 1);

	*chunks = ARENA_ARRAY(cx->arena, int64_t, limit + 1);
	pthread_rwlock_rdlock(&c->rows);
	*n = nearest_codes(code, c->codes, c->n, c->words, limit, which);
	for (size_t i = 0; i < *n; i++)
		(*chunks)[i] = c->chunks[which[i]];
	pthread_rwlock_unlock(&c->rows);
}

enum status
codes_nearest(struct context *cx, int64_t space_id, int64_t batch, const char *bits, size_t dims, size_t limit,
    bool *found, int64_t **chunks, size_t *n)
{
	uint64_t *code = ARENA_ARRAY(cx->arena, uint64_t, nearest_words(dims) + 1);
	bool is_new;
	struct codes *c;
	enum status st;

	*found = false;
	if (!nearest_pack(bits, dims, code))
		return fail(cx, E_INTERNAL, "a code that has not %zu bits", dims);
	if ((c = take(space_id, dims, &is_new)) == NULL)
		return OK;
	st = is_new ? read_all(cx, c, batch) : c->too_many ? OK : read_news(cx, c, batch);
	pthread_mutex_lock(&lock);
	c->is_ready = true;
	if (st != OK)
		leave(c);
	pthread_mutex_unlock(&lock);
	if (st == OK && !c->too_many) {
		find(cx, c, code, limit, chunks, n);
		*found = true;
	}
	put_back(c);
	return st;
}
