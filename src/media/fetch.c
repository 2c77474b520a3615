#include "media/fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/media.h"
#include "base/memory.h"
#include "files/preview.h"
#include "files/uploads.h"
#include "media/ask.h"
#include "media/label.h"

#define IMAGE_BYTES_MAX (INT64_C(32) << 20)
#define FILM_BYTES_MAX (INT64_C(512) << 20)
#define FETCH_MS 300000
#define URL_BYTES_MAX 2048
#define PIECE_BYTES 65536 /* of base64: fours */
#define HOPS_MAX 2	  /* the address, and where it sends us once */

/* In the open, and not in clear, but from providers of one's own network. */
static bool
may_fetch(const struct offer_account *account, const char *url)
{
	return field_is_url(url, URL_BYTES_MAX) && (account->allow_private || strncasecmp(url, "https://", 8) == 0);
}

enum status
media_get(struct context *cx, const struct job *job, const struct offer_account *account, int64_t max_bytes,
    const char *url, struct spool *file)
{
	static const char *const headers[] = { "User-Agent: weir", "Accept: image/*, video/*", NULL };
	struct exchange *e = NULL;

	for (int hop = 0; hop < HOPS_MAX; hop++) {
		if (url == NULL || !may_fetch(account, url))
			return fail(cx, E_FORBIDDEN, "that is at an address that is not fetched from");
		e = ARENA_NEW(cx->arena, struct exchange);
		*e = (struct exchange){ .account = account,
			.rq = { .method = "GET", .url = url, .headers = headers },
			.total_ms = FETCH_MS,
			.max_bytes = max_bytes,
			.file = file,
			.job = job };
		exchange_run(cx, e);
		if (e->result != HTTP_OK || e->http_status / 100 != 3)
			break;
		url = e->location;
	}
	if (e->was_full)
		return fail(cx, E_STORAGE_FULL, "%s", e->detail);
	if (e->result == HTTP_FORBIDDEN || e->result == HTTP_TOO_LONG)
		return fail(cx, E_FORBIDDEN, "fetch it: %s", e->detail);
	if (e->result != HTTP_OK || e->http_status != 200 || file->len == 0)
		return fail(cx, E_UPSTREAM_FAILED, "fetch it: HTTP %d %s", e->http_status, e->detail);
	return OK;
}

static enum status
unpack_plain(struct context *cx, const char *at, size_t len, struct spool *file)
{
	unsigned char *piece = xmalloc(PIECE_BYTES);
	enum status st = OK;
	size_t n;

	for (size_t i = 0; st == OK && i < len; i += n) {
		size_t made;

		n = len - i < PIECE_BYTES ? len - i : PIECE_BYTES;
		made = crypto_base64_decode(at + i, n, piece);
		if (made == SIZE_MAX)
			st = fail(cx, E_FORBIDDEN, "the picture is no base64");
		else if (!spool_add(file, piece, made))
			st = spool_refuse(cx, "write", file->path);
	}
	free(piece);
	return st;
}

/* What a text in an answer stands for.  One with escapes needs a copy: of those there is one at a time. */
static enum status
unpack(struct context *cx, const struct scan_text *text, struct spool *file)
{
	static pthread_mutex_t one_copy = PTHREAD_MUTEX_INITIALIZER;
	char *plain;
	enum status st;

	if (text->len / 4 * 3 > (size_t)IMAGE_BYTES_MAX)
		return fail(cx, E_FORBIDDEN, "the picture is too large");
	if (!text->has_escapes)
		return unpack_plain(cx, text->at, text->len, file);
	pthread_mutex_lock(&one_copy);
	plain = xmalloc(text->len);
	st = unpack_plain(cx, plain, scan_decode(text, plain), file);
	free(plain);
	pthread_mutex_unlock(&one_copy);
	return st;
}

/* What it looks like; a program that is missing, or breaks on it, is no reason to lose what was paid for. */
static void
add_look(struct context *cx, const struct job *job, int fd, const struct media_type *type, json_t *file)
{
	struct preview look;
	enum status st = preview_look(cx, job, fd, type, &look);

	if (st != OK) {
		if (st != E_NOT_FOUND)
			LOG(WARN, "no_preview", LS("detail", cx->log_detail));
		cx->error = OK;
		return;
	}
	json_object_set_new(file, "width", json_integer(look.width));
	json_object_set_new(file, "height", json_integer(look.height));
	json_object_set_new(file, "duration_ms", json_integer(look.duration_ms));
	if (*look.small_id != '\0') {
		json_object_set_new(file, "small_id", json_string(look.small_id));
		json_object_set_new(file, "small_bytes", json_integer(look.small_bytes));
	}
}

/* What came, if it is what was wanted: marked, put where it is served from, and looked at. */
static enum status
keep(struct context *cx, const struct job *job, bool is_film, struct spool *file, json_t *files)
{
	const struct media_type *type = media_sniff(
	    file->head, file->len < sizeof(file->head) ? file->len : sizeof(file->head));
	json_t *said;
	enum status st;

	if (type == NULL || type->kind != (is_film ? MEDIA_VIDEO : MEDIA_IMAGE))
		return fail(
		    cx, E_UNSUPPORTED_MEDIA_TYPE, "the result is %s", type == NULL ? "nothing we know" : type->type);
	if ((st = media_label(cx, job, type, &file)) != OK || (st = upload_place(cx, file, &type)) != OK)
		return st;
	said = json_pack("{s:s, s:s, s:s, s:I}", "id", file->id, "url", upload_url(cx->arena, cx->conf, file->id),
	    "content_type", type->type, "size_bytes", (json_int_t)file->len);
	add_look(cx, job, file->fd, type, said);
	json_array_append_new(files, said);
	return OK;
}

/* One of them: at an address, or (NULL) in the answer. */
static enum status
fetch_one(struct context *cx, const struct job *job, const struct offer_account *account, bool is_film, const char *url,
    const struct scan_text *made, json_t *files)
{
	struct spool *file = ARENA_NEW(cx->arena, struct spool);
	enum status st;

	*file = (struct spool){ .fd = -1 };
	if (!spool_open(cx, file))
		return spool_refuse(cx, "open", file->path);
	st = url == NULL ? unpack(cx, made, file)
			 : media_get(cx, job, account, is_film ? FILM_BYTES_MAX : IMAGE_BYTES_MAX, url, file);
	if (st == OK)
		st = keep(cx, job, is_film, file, files);
	spool_close(file);
	return st;
}

enum status
media_fetch(struct context *cx, const struct job *job, const struct offer_account *account, bool is_film,
    const struct media_told *told, json_t **files)
{
	enum status st = told->n_urls + told->n_made == 0 ? fail(cx, E_UPSTREAM_FAILED, "done, and without a result")
							  : OK;

	*files = json_own(cx->arena, json_array());
	for (size_t i = 0; st == OK && i < told->n_urls; i++)
		st = fetch_one(cx, job, account, is_film, told->urls[i], NULL, *files);
	for (size_t i = 0; st == OK && i < told->n_made; i++)
		st = fetch_one(cx, job, account, is_film, NULL, &told->made[i], *files);
	return st;
}
