#include "knowledge/source.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/utf8.h"
#include "io/fcgi.h"

#define JSON_BYTES_MAX (8u << 20) /* of the longest text, escaped */
#define TITLE_CHARS_MAX 500
#define NAME_BYTES_MAX 255

static bool
is_json(const struct request *rq)
{
	const char *type = fcgi_param(rq->conn, "CONTENT_TYPE");

	return type != NULL && strncasecmp(type, "application/json", 16) == 0;
}

static enum status
read_json(struct request *rq, struct document_source *out)
{
	struct context *cx = &rq->cx;
	struct spool *s = rq->spool;
	struct field_problem problem;
	json_error_t err;
	json_t *in;

	if (s->len > JSON_BYTES_MAX)
		return fail_with(cx, E_TOO_LARGE, json_pack("{s:I}", "limit_bytes", (json_int_t)JSON_BYTES_MAX), NULL);
	if (lseek(s->fd, 0, SEEK_SET) != 0)
		return fail(cx, E_UNAVAILABLE, "the body cannot be read again");
	in = json_own(cx->arena, json_loadfd(s->fd, 0, &err));
	spool_close(s);
	if (in == NULL)
		return fail_field(cx, "body", "is not valid JSON (line %d, column %d)", err.line, err.column);
	if (!json_is_object(in))
		return fail_field(cx, "body", "must be a JSON object");
	if (!fields_check(cx->arena, document_fields, in, &problem))
		return fail_field(cx, problem.field, "%s", problem.message);
	out->in = in;
	return OK;
}

enum status
document_source_read(struct request *rq, struct document_source *out)
{
	const char *filename = query_text(rq, "filename"), *title = query_text(rq, "title");

	*out = (struct document_source){ .filename = filename, .title = title };
	if (filename == NULL && is_json(rq))
		return read_json(rq, out);
	if (filename != NULL && strlen(filename) > NAME_BYTES_MAX)
		return fail_field(&rq->cx, "filename", "must be at most %d bytes", NAME_BYTES_MAX);
	if (title != NULL && utf8_length(title, strlen(title)) > TITLE_CHARS_MAX)
		return fail_field(&rq->cx, "title", "must be at most %d characters", TITLE_CHARS_MAX);
	out->spool = rq->spool;
	return OK;
}
