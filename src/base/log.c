#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES (16u * 1024u)

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *service_name = "weir";
static enum log_level least_level = LOG_INFO;
static atomic_uint_fast64_t lost;
static _Thread_local struct log_context context;

void
log_init(const char *service, enum log_level least)
{
	service_name = service;
	least_level = least;
}

int
log_level_parse(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (name != NULL && strcmp(name, level_names[i]) == 0)
			return i;
	return -1;
}

void
log_set_context(const struct log_context *ctx)
{
	context = ctx == NULL ? (struct log_context){ 0 } : *ctx;
}

/* `value` in ASCII, for bytes that are no UTF-8: a line must stay JSON. */
static bool
add_foreign(struct buf *b, const char *value)
{
	bool ok = buf_add(b, "\"", 1);

	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		ok = ok && buf_printf(b, c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
	}
	return ok && buf_add(b, "\"", 1);
}

/* A member, whole or (no room) not at all. */
static void
add_string(struct buf *b, const char *key, const char *value)
{
	size_t before = b->len;
	bool ok;

	if (value == NULL)
		return;
	ok = buf_printf(b, ",\"%s\":", key) &&
	    (utf8_valid(value, strlen(value)) ? buf_json(b, value, strlen(value)) : add_foreign(b, value));
	if (!ok) {
		b->len = before;
		b->data[before] = '\0';
	}
}

static void
add_field(struct buf *b, const struct log_field *f)
{
	if (f->kind == LOG_F_STR)
		add_string(b, f->key, f->str);
	else if (f->kind == LOG_F_INT)
		buf_printf(b, ",\"%s\":%" PRId64, f->key, f->num);
	else
		buf_printf(b, ",\"%s\":%" PRId64 ".%03d", f->key, f->num / 1000, abs((int)(f->num % 1000)));
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	struct buf b = BUF_INIT(LINE_MAX_BYTES);
	char now[RFC3339_LEN];

	if (level < least_level)
		return;
	clock_rfc3339(clock_wall_ms(), now);
	buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"service\":\"%s\",\"pid\":%d", now, level_names[level],
	    service_name, (int)getpid());
	add_string(&b, "event", event);
	add_string(&b, "request_id", context.request_id);
	add_string(&b, "user_id", context.user_id);
	add_string(&b, "trace_id", context.trace_id);
	add_string(&b, "span_id", context.span_id);
	for (; fields != NULL && fields->kind != LOG_F_END; fields++)
		add_field(&b, fields);
	b.max_bytes = 0;
	buf_add(&b, "}\n", 2);
	/* A line that cannot be written (disk full, reader gone) must not stop work. */
	if (write(STDERR_FILENO, b.data, b.len) != (ssize_t)b.len)
		atomic_fetch_add(&lost, 1);
	buf_free(&b);
}

uint64_t
log_lost(void)
{
	return atomic_load(&lost);
}
