/*
 * What is asked, as an HTTP request of the OpenAI chat completions wire.
 *
 * Source: platform.openai.com/docs/api-reference/chat/create.  video_url and
 * audio_url parts are those of vLLM and DashScope, docs.vllm.ai "Multimodal
 * Inputs"; a provider that does not know them answers 400.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "wire/openai/openai.h"

#define HEADERS_MAX 8

/* ---- where to --------------------------------------------------------------- */

static bool
ends_with(const char *s, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(s + len - n, tail, n) == 0;
}

/* Is there a path segment like v1, v3 or v1beta? */
static bool
has_version(const char *path, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++)
		if (path[i] == '/' && path[i + 1] == 'v' && isdigit((unsigned char)path[i + 2]))
			return true;
	return false;
}

/* The endpoint for a base URL as people write it: with or without /v1, with
 * slashes at its end, or the whole endpoint already; a query stays at the end.
 * NULL when it is no http(s) URL. */
static const char *
endpoint(struct arena *a, const char *base)
{
	size_t scheme, len;
	const char *path, *tail;

	if (base == NULL)
		return NULL;
	scheme = strncasecmp(base, "https://", 8) == 0 ? 8 : strncasecmp(base, "http://", 7) == 0 ? 7 : 0;
	if (scheme == 0 || base[scheme] == '\0' || base[scheme] == '/' || base[scheme] == '?')
		return NULL;
	for (const char *p = base; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '#')
			return NULL;
	len = strcspn(base, "?");
	tail = base + len;
	while (base[len - 1] == '/') /* not the scheme's: a host begins behind them */
		len--;
	path = memchr(base + scheme, '/', len - scheme);
	if (ends_with(base, len, "/chat/completions"))
		return arena_printf(a, "%.*s%s", (int)len, base, tail);
	if (path != NULL && has_version(path, len - (size_t)(path - base)))
		return arena_printf(a, "%.*s/chat/completions%s", (int)len, base, tail);
	return arena_printf(a, "%.*s/v1/chat/completions%s", (int)len, base, tail);
}

/* OpenAI itself has renamed max_tokens, and its newer models refuse the old
 * name; most others know only that. */
static const char *
max_tokens_name(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t len = strcspn(host, ":/?");

	return ends_with(host, len, "api.openai.com") || ends_with(host, len, ".openai.azure.com")
	    ? "max_completion_tokens"
	    : "max_tokens";
}

/* ---- what ------------------------------------------------------------------- */

static void
put_string(struct buf *out, const char *before, const char *value)
{
	buf_puts(out, before);
	buf_json(out, value, strlen(value));
}

/* {"type":"image_url","image_url":{"url":"…"}}; kind is the name in both places. */
static void
put_attachment(struct buf *out, const char *kind, const char *url)
{
	buf_printf(out, "{\"type\":\"%s\",\"%s\":{", kind, kind);
	if (strncmp(url, "data:", 5) == 0) { /* ours, megabytes of base64: nothing in it needs escaping */
		buf_puts(out, "\"url\":\"");
		buf_puts(out, url);
		buf_puts(out, "\"");
	} else {
		put_string(out, "\"url\":", url);
	}
	buf_puts(out, "}}");
}

static void
put_part(struct buf *out, const struct ask_part *part)
{
	static const char *const kinds[] = {
		[ASK_IMAGE] = "image_url", [ASK_VIDEO] = "video_url", [ASK_AUDIO] = "audio_url"
	};

	if (part->kind == ASK_TEXT)
		put_string(out, "{\"type\":\"text\",\"text\":", part->text), buf_puts(out, "}");
	else
		put_attachment(out, kinds[part->kind], part->url);
}

static void
put_message(struct buf *out, const struct ask_message *m)
{
	put_string(out, "{\"role\":", m->role);
	if (m->n_parts == 0) {
		buf_puts(out, ",\"content\":\"\"}");
	} else if (m->n_parts == 1 && m->parts[0].kind == ASK_TEXT) {
		put_string(out, ",\"content\":", m->parts[0].text);
		buf_puts(out, "}");
	} else {
		buf_puts(out, ",\"content\":");
		for (size_t i = 0; i < m->n_parts; i++) {
			buf_puts(out, i == 0 ? "[" : ",");
			put_part(out, &m->parts[i]);
		}
		buf_puts(out, "]}");
	}
}

/* The last members, and the end. */
static void
put_stream(struct buf *out, bool stream)
{
	if (stream)
		buf_puts(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
	buf_puts(out, "}");
}

/* What depends on no candidate: everything behind the model and its cap. */
enum status
openai_chat_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	const struct ask_chat *chat = &ask->chat;
	static const char gap[WIRE_GAP_BYTES];
	struct buf b = BUF_INIT(0);

	if (chat->n_messages == 0)
		return E_INVALID_REQUEST;
	buf_add(&b, gap, sizeof(gap));
	if (ask->own_wire != NULL && strcmp(ask->own_wire, "openai") == 0) {
		if (!openai_splice_ask(&b, ask->own_words, ask->own_words_len)) {
			buf_free(&b);
			return E_INVALID_REQUEST;
		}
		put_stream(&b, stream);
		wire_body_make(a, &b, out);
		return OK;
	}
	buf_puts(&b, "\"messages\":[");
	for (size_t i = 0; i < chat->n_messages; i++) {
		if (i > 0)
			buf_puts(&b, ",");
		put_message(&b, &chat->messages[i]);
	}
	buf_puts(&b, "]");
	/* %.3f would follow the locale's decimal point; the programs keep "C". */
	if (chat->temperature >= 0)
		buf_printf(&b, ",\"temperature\":%.3f", chat->temperature);
	put_stream(&b, stream);
	wire_body_make(a, &b, out);
	return OK;
}

/* ---- how -------------------------------------------------------------------- */

/* Nothing in a header's value may end its line. */
static bool
is_header_value(const char *value)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

static bool
add_header(struct arena *a, const char **headers, size_t *n, const char *before, const char *value)
{
	if (value == NULL || *value == '\0')
		return true;
	if (!is_header_value(value))
		return false;
	headers[(*n)++] = arena_printf(a, "%s%s", before, value);
	return true;
}

enum status
openai_chat_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const char *url = endpoint(a, to->base_url);
	const char **headers = ARENA_ARRAY(a, const char *, HEADERS_MAX);
	struct buf head = BUF_INIT(0);
	size_t n = 0;
	bool fits;

	if (url == NULL || to->model == NULL)
		return E_INVALID_REQUEST;
	headers[n++] = "Content-Type: application/json";
	headers[n++] = to->stream ? "Accept: text/event-stream" : "Accept: application/json";
	if (!add_header(a, headers, &n, "Authorization: Bearer ", to->api_key) ||
	    !add_header(a, headers, &n, "traceparent: ", to->traceparent) ||
	    !add_header(a, headers, &n, "X-Weir-Task: ", to->task_id))
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	put_string(&head, "{\"model\":", to->model);
	if (to->max_output_tokens > 0)
		buf_printf(&head, ",\"%s\":%lld", max_tokens_name(url), (long long)to->max_output_tokens);
	buf_puts(&head, ",");
	fits = wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits ? OK : E_INVALID_REQUEST;
}
