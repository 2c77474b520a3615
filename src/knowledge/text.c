#include "knowledge/text.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/gzip.h"

#define PATIENCE_MS 5000
#define SLICE_BYTES_MAX (4u << 20)

enum status
text_place(struct context *cx, const char *text, size_t len, struct store_new *out)
{
	struct spool *s = ARENA_NEW(cx->arena, struct spool);
	size_t packed_len;
	void *packed;
	enum status st;

	*s = (struct spool){ .fd = -1 };
	if (!spool_open(cx, s))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	packed = gzip_pack(text, len, &packed_len);
	st = spool_add(s, packed, packed_len) ? store_place(cx, s, out) : spool_refuse(cx, "write", s->path);
	free(packed);
	spool_close(s);
	return st;
}

/* Where code points are counted. */
struct slicing {
	int64_t at, from, to;
	struct buf out;
};

/* A code point begins with each byte that is no continuation. */
static bool
feed(void *arg, const unsigned char *bytes, size_t len)
{
	struct slicing *g = arg;
	size_t begin = SIZE_MAX, end = len;

	for (size_t i = 0; i < len; i++) {
		bool starts = (bytes[i] & 0xc0) != 0x80;

		if (starts && g->at == g->to) {
			end = i;
			g->at++; /* past it: nothing more is taken */
			break;
		}
		g->at += starts;
		if (begin == SIZE_MAX && g->at > g->from)
			begin = i;
	}
	if (begin < end)
		buf_add(&g->out, (const char *)bytes + begin, end - begin);
	return g->at <= g->to;
}

enum status
text_slice(struct context *cx, const struct store_object *o, int64_t from, int64_t to, const char **out)
{
	struct slicing g = { .from = from, .to = to, .out = BUF_INIT(SLICE_BYTES_MAX) };
	int fd;
	enum status st = store_open(cx, o, PATIENCE_MS, &fd);

	if (st != OK)
		return st;
	if (!gzip_unpack(fd, feed, &g))
		st = fail(cx, E_UNAVAILABLE, "the text is not whole");
	else
		*out = arena_strndup(cx->arena, buf_str(&g.out), g.out.len);
	buf_free(&g.out);
	return st;
}

static bool
collect(void *arg, const unsigned char *bytes, size_t len)
{
	return buf_add(arg, bytes, len);
}

enum status
text_whole(struct context *cx, const struct store_object *o, size_t max_bytes, const char **out)
{
	struct buf text = BUF_INIT(max_bytes);
	int fd;
	enum status st = store_open(cx, o, PATIENCE_MS, &fd);

	if (st != OK)
		return st;
	if (!gzip_unpack(fd, collect, &text) || text.overflow) {
		st = text.overflow ? fail(cx, E_TOO_LARGE, "the text is longer than it was")
				   : fail(cx, E_UNAVAILABLE, "the text is not whole");
		buf_free(&text);
		return st;
	}
	if (text.data == NULL)
		return fail(cx, E_UNAVAILABLE, "the text is empty");
	arena_cleanup(cx->arena, free, text.data);
	*out = text.data;
	return OK;
}
