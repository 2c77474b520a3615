/*
 * Whom the Anthropic wire asks: the URL, the headers, and what goes before the rest
 * of the body because it depends on the model.
 *
 * Models think in two ways.  The older ones, and most of other makers that speak this
 * wire, are given a budget of tokens; from Claude 4.7 on they take "adaptive" and an
 * effort instead, and refuse budgets as well as temperature, top_p and top_k.
 *
 * Source: docs.anthropic.com/en/api/messages, /en/api/versioning,
 * /en/docs/build-with-claude/extended-thinking, …/adaptive-thinking, …/effort and
 * /en/docs/about-claude/models/whats-new-claude-4-7, read 2026-11.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "wire/anthropic/anthropic.h"

#define OWN_HEADERS_MAX 4
#define HEADERS_MAX (8 + OWN_HEADERS_MAX)
#define MAX_TOKENS 4096	  /* this wire must be told, and we were not */
#define BUDGET_MIN 1024	  /* of thought; less is refused */
#define TOP_P_MIN 0.95	  /* beside thought */
#define DATE_MIN 10000000 /* in a model's name, where a version could stand */

/* ---- where to --------------------------------------------------------------- */

static bool
ends_with(const char *s, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(s + len - n, tail, n) == 0;
}

/* Does the path end in a segment like v1 or v1beta? */
static bool
has_version(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 && path[len] == 'v' && isdigit((unsigned char)path[len + 1]);
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
	if (path != NULL && ends_with(base, len, "/messages"))
		return arena_printf(a, "%.*s%s", (int)len, base, tail);
	if (path != NULL && has_version(path, len - (size_t)(path - base)))
		return arena_printf(a, "%.*s/messages%s", (int)len, base, tail);
	return arena_printf(a, "%.*s/v1/messages%s", (int)len, base, tail);
}

/* ---- what the model takes ------------------------------------------------------ */

/* Is it one that thinks as much as it finds right?  Names are
 * claude-FAMILY-MAJOR[-MINOR][-DATE]; the oldest have the version first. */
static bool
is_adaptive(const char *model)
{
	const char *at = strstr(model, "claude-");
	long major, minor = 0;
	char *end;

	if (at == NULL || isdigit((unsigned char)at[7]) || (at = strchr(at + 7, '-')) == NULL ||
	    !isdigit((unsigned char)at[1]))
		return false;
	major = strtol(at + 1, &end, 10);
	if ((*end == '-' || *end == '.') && isdigit((unsigned char)end[1]))
		minor = strtol(end + 1, NULL, 10);
	if (minor >= DATE_MIN)
		minor = 0;
	return major < DATE_MIN && (major > 4 || (major == 4 && minor >= 7));
}

/* An effort is a share of the answer, in percent. */
static int64_t
budget_of_effort(enum ask_effort effort, int64_t max_tokens)
{
	static const int shares[] = {
		[EFFORT_MINIMAL] = 10, [EFFORT_LOW] = 20, [EFFORT_MEDIUM] = 50, [EFFORT_HIGH] = 75, [EFFORT_MAX] = 90
	};

	return max_tokens / 100 * shares[effort] + max_tokens % 100 * shares[effort] / 100;
}

/* How many tokens may be thought, of `max_tokens`; 0: none, nor is it wanted. */
static int64_t
budget(const struct anthropic_manner *m, int64_t max_tokens)
{
	int64_t tokens = m->thinking_tokens;

	if (!m->may_think || m->effort == EFFORT_NONE || max_tokens <= BUDGET_MIN)
		return 0;
	if (tokens <= 0 && m->effort != EFFORT_UNSAID)
		tokens = budget_of_effort(m->effort, max_tokens);
	if (tokens <= 0)
		return 0;
	if (tokens >= max_tokens)
		tokens = budget_of_effort(EFFORT_MAX, max_tokens);
	return tokens < BUDGET_MIN ? BUDGET_MIN : tokens;
}

/* Temperature and its like, of which thought leaves little.  %.3f would follow the
 * locale's decimal point; the programs keep "C". */
static void
put_sampling(struct buf *out, const struct anthropic_manner *m, bool thinks)
{
	if (m->temperature >= 0 && !thinks)
		buf_printf(out, ",\"temperature\":%.3f", m->temperature < 1 ? m->temperature : 1.0);
	if (m->top_p >= (thinks ? TOP_P_MIN : 0))
		buf_printf(out, ",\"top_p\":%.3f", m->top_p < 1 ? m->top_p : 1.0);
	if (m->top_k > 0 && !thinks)
		buf_printf(out, ",\"top_k\":%lld", (long long)m->top_k);
}

static void
put_budget(struct buf *out, const struct anthropic_manner *m, int64_t max_tokens)
{
	int64_t tokens = budget(m, max_tokens);

	if (tokens > 0)
		buf_printf(out, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":%lld}", (long long)tokens);
	else if (m->effort == EFFORT_NONE)
		buf_puts(out, ",\"thinking\":{\"type\":\"disabled\"}");
	put_sampling(out, m, tokens > 0);
}

/* The effort of a model that is asked for one, or NULL. */
static const char *
effort_word(const struct anthropic_manner *m)
{
	static const char *const words[] = { [EFFORT_MINIMAL] = "low",
		[EFFORT_LOW] = "low",
		[EFFORT_MEDIUM] = "medium",
		[EFFORT_HIGH] = "high",
		[EFFORT_MAX] = "max" };

	return words[m->effort];
}

/* Everything before "messages".  With a format the body goes on within the object
 * that an effort belongs to. */
static void
put_head(struct buf *out, const struct wire_target *to, const struct anthropic_manner *m)
{
	int64_t max_tokens = to->max_output_tokens > 0 ? to->max_output_tokens : MAX_TOKENS;
	bool adapts = is_adaptive(to->model);
	const char *effort = adapts ? effort_word(m) : NULL;

	buf_puts(out, "{\"model\":");
	buf_json(out, to->model, strlen(to->model));
	buf_printf(out, ",\"max_tokens\":%lld", (long long)max_tokens);
	if (!adapts)
		put_budget(out, m, max_tokens);
	else if (m->may_think && (effort != NULL || (m->effort == EFFORT_UNSAID && m->thinking_tokens > 0)))
		buf_puts(out, ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}");
	buf_puts(out, ",");
	if (effort != NULL)
		buf_printf(out, "\"output_config\":{\"effort\":\"%s\"%s", effort, m->has_format ? "," : "},");
	else if (m->has_format)
		buf_puts(out, "\"output_config\":{");
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

/* Does the client say which version it speaks? */
static bool
has_version_header(const char *const *headers)
{
	static const char name[] = "anthropic-version:";

	for (; headers != NULL && *headers != NULL; headers++)
		if (strncmp(*headers, name, sizeof(name) - 1) == 0)
			return true;
	return false;
}

/* False when a value would break its line. */
static bool
add_headers(struct arena *a, const char **headers, const struct wire_target *to)
{
	size_t n = 0;

	headers[n++] = "Content-Type: application/json";
	headers[n++] = to->stream ? "Accept: text/event-stream" : "Accept: application/json";
	if (!has_version_header(to->own_headers))
		headers[n++] = "anthropic-version: 2023-06-01";
	for (size_t i = 0; to->own_headers != NULL && to->own_headers[i] != NULL && n < OWN_HEADERS_MAX + 3; i++)
		headers[n++] = to->own_headers[i];
	return add_header(a, headers, &n, "x-api-key: ", to->api_key) &&
	    add_header(a, headers, &n, "traceparent: ", to->traceparent) &&
	    add_header(a, headers, &n, "X-Weir-Task: ", to->task_id);
}

enum status
anthropic_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const char *url = endpoint(a, to->base_url);
	const char **headers = ARENA_ARRAY(a, const char *, HEADERS_MAX);
	struct anthropic_manner manner;
	struct buf head = BUF_INIT(WIRE_GAP_BYTES - sizeof(manner));
	bool fits;

	if (url == NULL || to->model == NULL || !add_headers(a, headers, to))
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	memcpy(&manner, body->bytes, sizeof(manner)); /* stays there for the next try: no head reaches it */
	put_head(&head, to, &manner);
	fits = !head.overflow && wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits ? OK : E_INVALID_REQUEST;
}
