#include "lens/marked.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lens/label.h"

#define PICTURE_BYTES_MAX (INT64_C(64) << 20)
#define MARK_BYTES_MAX (1 << 20)
#define COPY_BYTES (1 << 20)

static bool
problem(const char *what)
{
	fprintf(stderr, "%s\n", what);
	return false;
}

static bool
write_all(int out, const char *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(out, data + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return problem("it cannot be written");
		at += (size_t)n;
	}
	return true;
}

static bool
read_all(int in, char *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = pread(in, data + at, len - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return problem("it cannot be read");
		at += (size_t)n;
	}
	return true;
}

static bool
mark_picture(const char *type, int in, size_t len, int out, const char *aigc)
{
	struct buf marked = BUF_INIT((size_t)PICTURE_BYTES_MAX + MARK_BYTES_MAX);
	char *data = malloc(len);
	bool ok = data != NULL && read_all(in, data, len);

	if (ok && !label_picture(type, data, len, aigc, &marked))
		ok = problem("it cannot be marked");
	ok = ok && write_all(out, marked.data, marked.len);
	buf_free(&marked);
	free(data);
	return ok;
}

static uint64_t
number(const unsigned char *b, int n)
{
	uint64_t value = 0;

	for (int i = 0; i < n; i++)
		value = value << 8 | b[i];
	return value;
}

/* Do its boxes end where the file does (ISO 14496-12 4.2)?  Only then may another follow. */
static bool
ends_with_a_box(int in, uint64_t len)
{
	unsigned char head[16];
	uint64_t at = 0;

	while (at < len) {
		ssize_t n = pread(in, head, sizeof(head), (off_t)at);
		uint64_t size = n >= 8 ? number(head, 4) : 0;

		if (size == 1)
			size = n == 16 ? number(head + 8, 8) : 0;
		if (size < 8 || size > len - at)
			return problem("its last box has no end");
		at += size;
	}
	return true;
}

static bool
copy_all(int in, int out)
{
	off_t at = 0;
	ssize_t n;

	while ((n = sendfile(out, in, &at, COPY_BYTES)) > 0 || (n < 0 && errno == EINTR)) {
	}
	return n == 0 || problem("it cannot be copied");
}

static bool
mark_film(int in, uint64_t len, int out, const char *aigc)
{
	struct buf mark = BUF_INIT(MARK_BYTES_MAX);
	bool ok = ends_with_a_box(in, len) && copy_all(in, out) && label_behind_film(aigc, &mark) &&
	    write_all(out, mark.data, mark.len);

	buf_free(&mark);
	return ok;
}

bool
marked_copy(const char *type, int in, int out, const char *aigc)
{
	struct stat st;

	if (fstat(in, &st) != 0 || st.st_size <= 0)
		return problem("it is empty");
	if (strcmp(type, "video/mp4") == 0)
		return mark_film(in, (uint64_t)st.st_size, out, aigc);
	return st.st_size <= PICTURE_BYTES_MAX ? mark_picture(type, in, (size_t)st.st_size, out, aigc)
					       : problem("it is too large");
}
