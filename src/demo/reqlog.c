/* The request log. The contract is in reqlog.h. */
#include "demo/reqlog.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static void
member(struct buf *out, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, value, strlen(value));
}

void
reqlog_write(const struct reqlog *log, int fd, const char *how)
{
	int64_t now_us = clock_mono_us(), took_us = now_us - log->started_us;
	char started[RFC3339_LEN], ended[RFC3339_LEN];
	struct buf out = BUF_INIT(0);

	clock_rfc3339(log->started_wall_ms, started);
	clock_rfc3339(log->started_wall_ms + took_us / 1000, ended);
	buf_printf(
	    &out, "{\"time\":\"%s\",\"ended\":\"%s\",\"duration_ms\":%.3f", started, ended, (double)took_us / 1000);
	if (log->first_byte_us != 0)
		buf_printf(&out, ",\"first_byte_ms\":%.3f", (double)(log->first_byte_us - log->started_us) / 1000);
	member(&out, "id", log->id);
	member(&out, "method", log->method);
	member(&out, "path", log->path);
	member(&out, "model", log->model);
	member(&out, "request_id", log->request_id);
	member(&out, "traceparent", log->traceparent);
	member(&out, "task", log->task);
	buf_printf(&out,
	    ",\"stream\":%s,\"status\":%d,\"fault\":\"%s\",\"prompt_tokens\":%u,"
	    "\"completion_tokens\":%u,\"deltas\":%u,\"deltas_flushed\":%u,\"reasoning\":%u,"
	    "\"reasoning_flushed\":%u,\"bytes\":%llu,\"bytes_flushed\":%llu,\"end\":\"%s\"}\n",
	    log->is_stream ? "true" : "false", log->status, log->fault, log->prompt_tokens,
	    log->deltas_flushed + log->thoughts_flushed, log->deltas, log->deltas_flushed, log->thoughts,
	    log->thoughts_flushed, (unsigned long long)log->bytes, (unsigned long long)log->bytes_flushed, how);
	/* A log on a full disk loses its line; the answer was still given. */
	if (write(fd, out.data, out.len) < 0)
		(void)0;
	buf_free(&out);
}
