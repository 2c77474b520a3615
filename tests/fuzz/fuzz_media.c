/*
 * What makers of pictures and films answer, and what calls back. The first byte says whose it is, the second its status.
 * Nothing is accepted without an id that can stand in an address; what goes to the log is UTF-8 without control characters;
 * what is said to be made lies within what was read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/media.h"

#define ARENA_BYTES (64 << 20)
#define URL_BYTES_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_detail(const char *detail, size_t size)
{
	size_t len = strnlen(detail, size);

	check(len < size && utf8_valid(detail, len));
	for (size_t i = 0; i < len; i++)
		check((unsigned char)detail[i] >= ' ');
}

static void
check_submitted(const struct media_submitted *s)
{
	check(s->what >= MEDIA_ACCEPTED && s->what <= MEDIA_UNKNOWN);
	check_detail(s->detail, sizeof(s->detail));
	if (s->what == MEDIA_ACCEPTED)
		check(media_is_id(s->id));
	if (s->what == MEDIA_REFUSED)
		check(s->status != OK && s->status < STATUS_COUNT);
	check(s->wait_ms >= 0);
}

static void
check_told(const struct media_told *t, const char *body, size_t len)
{
	check(t->state >= MEDIA_WAITING && t->state <= MEDIA_UNTOLD && t->progress >= -1 && t->progress <= 100);
	check(t->n_urls <= MEDIA_URLS_MAX && t->n_made <= MEDIA_URLS_MAX);
	check_detail(t->detail, sizeof(t->detail));
	for (size_t i = 0; i < t->n_urls; i++)
		check(strlen(t->urls[i]) <= URL_BYTES_MAX);
	for (size_t i = 0; i < t->n_made; i++)
		check(t->made[i].at >= body && t->made[i].at + t->made[i].len <= body + len);
	if (t->state == MEDIA_FAILED)
		check(t->status != OK && t->status < STATUS_COUNT);
}

static void
read_all(const struct media_wire *w, struct arena *a, int http, const char *body, size_t len)
{
	struct media_submitted submitted = { 0 };
	struct media_told told = { 0 };
	const char *id;

	w->submitted(w, a, http, body, len, &submitted);
	check_submitted(&submitted);
	w->told(w, a, http, body, len, &told);
	check_told(&told, body, len);
	if (w->told_result != NULL) {
		told = (struct media_told){ 0 };
		w->told_result(w, a, http, body, len, &told);
		check_told(&told, body, len);
	}
	id = w->called == NULL ? NULL : w->called(w, a, body, len);
	check(id == NULL || media_is_id(id));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const providers[] = { "kie", "fal", "replicate", "openai" };
	static const int statuses[] = { 200, 201, 202, 0, 400, 401, 404, 422, 429, 500, 503 };
	char *body;

	if (size < 3)
		return 0;
	body = malloc(size - 2); /* of its own and no string, so that a read past its end is seen */
	check(body != NULL);
	memcpy(body, data + 2, size - 2);
	for (size_t len = size - 2, i = 0; i < 2; i++, len /= 2) { /* and what came of it before it was cut */
		struct arena *a = arena_new(4096, ARENA_BYTES);

		read_all(media_wire_find(providers[data[0] % 4]), a, statuses[data[1] % 11], body, len);
		arena_free(a);
	}
	free(body);
	return 0;
}
