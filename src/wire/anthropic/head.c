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

#include "base/buf.h"
#include "wire/anthropic/anthropic.h"
#include "wire/headers.h"
#include "wire/url.h"

#define MAX_TOKENS 4096	  /* this wire must be told, and we were not */
#define BUDGET_MIN 1024	  /* of thought; less is refused */
#define TOP_P_MIN 0.95	  /* beside thought */
#define DATE_MIN 10000000 /* in a model's name, where a version could stand */

/* ---- where to --------------------------------------------------------------- */

/* The endpoint for a base URL: with or without /v1, or the whole endpoint already.
 * NULL when it is no http(s) URL. */
static const char *
endpoint(struct arena *a, const char *base)
{
	struct url url;

	if (!url_read(base, &url))
		return NULL;
	if (url_ends(url.path, url.path_len, "/messages"))
		return url_join(a, &url, "");
	return url_join(a, &url, url_ends_in_version(&url) ? "/messages" : "/v1/messages");
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

/* Does the client say which version it speaks? */
static bool
has_version_header(const char *const *headers)
{
	static const char name[] = "anthropic-version:";

	for (; *headers != NULL; headers++)
		if (strncmp(*headers, name, sizeof(name) - 1) == 0)
			return true;
	return false;
}

/* The lines of this wire: a client's own, with the version if it says none. */
static const char *const *
lines_of(struct arena *a, const struct wire_target *to)
{
	static const char *const version[] = { "anthropic-version: 2023-06-01", NULL };
	const char **lines;

	if (to->own_headers == NULL)
		return version;
	if (has_version_header(to->own_headers))
		return to->own_headers;
	lines = ARENA_ARRAY(a, const char *, HEADERS_LINES_MAX + 1);
	lines[0] = version[0];
	for (size_t i = 1; i < HEADERS_LINES_MAX && to->own_headers[i - 1] != NULL; i++)
		lines[i] = to->own_headers[i - 1];
	return lines;
}

enum status
anthropic_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const char *url = endpoint(a, to->base_url);
	const struct quirks *q = to->quirks != NULL ? to->quirks : quirks_of("anthropic", to->base_url);
	const char *const *headers = headers_make(
	    a, to, q->key_header != NULL ? q->key_header : "x-api-key: ", lines_of(a, to));
	struct anthropic_manner manner;
	struct buf head = BUF_INIT(WIRE_GAP_BYTES - sizeof(manner));
	bool fits;

	if (url == NULL || to->model == NULL || headers == NULL)
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	memcpy(&manner, body->bytes, sizeof(manner)); /* stays there for the next try: no head reaches it */
	put_head(&head, to, &manner);
	fits = !head.overflow && wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits ? OK : E_INVALID_REQUEST;
}
