#include "wire/quirks.h"

#include <string.h>

#include "wire/url.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- how much thought, in their words ---------------------------------------------- */

#define EFFORT(word) "\"reasoning_effort\":\"" word "\""
#define THINKING(word) "\"thinking\":{\"type\":\"" word "\"}"

static const char *const quirks_low_to_high[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = EFFORT("low"),
	[EFFORT_MINIMAL] = EFFORT("low"),
	[EFFORT_LOW] = EFFORT("low"),
	[EFFORT_MEDIUM] = EFFORT("medium"),
	[EFFORT_HIGH] = EFFORT("high"),
	[EFFORT_MAX] = EFFORT("high"),
};

static const char *const quirks_none_to_high[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = EFFORT("none"),
	[EFFORT_MINIMAL] = EFFORT("low"),
	[EFFORT_LOW] = EFFORT("low"),
	[EFFORT_MEDIUM] = EFFORT("medium"),
	[EFFORT_HIGH] = EFFORT("high"),
	[EFFORT_MAX] = EFFORT("high"),
};

static const char *const quirks_doubao[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = EFFORT("minimal"),
	[EFFORT_MINIMAL] = EFFORT("minimal"),
	[EFFORT_LOW] = EFFORT("low"),
	[EFFORT_MEDIUM] = EFFORT("medium"),
	[EFFORT_HIGH] = EFFORT("high"),
	[EFFORT_MAX] = EFFORT("high"),
};

static const char *const quirks_deepseek[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = THINKING("disabled"),
	[EFFORT_MINIMAL] = THINKING("enabled") "," EFFORT("high"),
	[EFFORT_LOW] = THINKING("enabled") "," EFFORT("high"),
	[EFFORT_MEDIUM] = THINKING("enabled") "," EFFORT("high"),
	[EFFORT_HIGH] = THINKING("enabled") "," EFFORT("high"),
	[EFFORT_MAX] = THINKING("enabled") "," EFFORT("max"),
};

static const char *const quirks_on_or_off[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = THINKING("disabled"),
	[EFFORT_MINIMAL] = THINKING("enabled"),
	[EFFORT_LOW] = THINKING("enabled"),
	[EFFORT_MEDIUM] = THINKING("enabled"),
	[EFFORT_HIGH] = THINKING("enabled"),
	[EFFORT_MAX] = THINKING("enabled"),
};

static const char *const quirks_off_only[EFFORT_MAX + 1] = { [EFFORT_NONE] = THINKING("disabled") };

#define ENABLE_THINKING "\"enable_thinking\":true"
static const char *const quirks_enable_thinking[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = "\"enable_thinking\":false",
	[EFFORT_MINIMAL] = ENABLE_THINKING,
	[EFFORT_LOW] = ENABLE_THINKING,
	[EFFORT_MEDIUM] = ENABLE_THINKING,
	[EFFORT_HIGH] = ENABLE_THINKING,
	[EFFORT_MAX] = ENABLE_THINKING,
};

/* ---- who --------------------------------------------------------------------------- */

static const struct quirks rows[] = {
/* clang-format off */
#define QUIRKS(name, speaks, known_as, url, ...) \
	{ .provider = name, .wire = speaks, .label = known_as, .base_url = url, ##__VA_ARGS__ },
#include "wire/quirks.def"
#undef QUIRKS
	/* clang-format on */
};

/* Whom a channel of OpenAI means that is at an address of nobody else. */
static const char plainest[] = "openai-compatible";

const struct quirks *
quirks_all(size_t *n)
{
	*n = COUNT(rows);
	return rows;
}

const struct quirks *
quirks_find(const char *provider)
{
	for (size_t i = 0; provider != NULL && i < COUNT(rows); i++)
		if (strcmp(rows[i].provider, provider) == 0)
			return &rows[i];
	return NULL;
}

/* ---- where ------------------------------------------------------------------------- */

/* Is the host, `len` bytes, one of them? */
static bool
is_home(const char *hosts, const char *host, size_t len)
{
	while (hosts != NULL && *hosts != '\0') {
		size_t n = strcspn(hosts, " ");

		if (len >= n && strncmp(host + len - n, hosts, n) == 0 && (*hosts == '.' || len == n))
			return true;
		hosts += n + strspn(hosts + n, " ");
	}
	return false;
}

static const struct quirks *
at_home(const char *wire, const char *base_url)
{
	const char *host = base_url == NULL ? NULL : strstr(base_url, "://");

	if (host == NULL)
		return NULL;
	host += 3;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].wire, wire) == 0 && is_home(rows[i].hosts, host, strcspn(host, ":/?")))
			return &rows[i];
	return NULL;
}

const struct quirks *
quirks_of(const char *provider, const char *base_url)
{
	const struct quirks *q = quirks_find(provider), *home;

	if (q == NULL || strcmp(q->provider, q->wire) != 0)
		return q;
	if ((home = at_home(q->wire, base_url)) != NULL)
		return home;
	return strcmp(q->wire, quirks_find(plainest)->wire) == 0 ? quirks_find(plainest) : q;
}

/* ---- what -------------------------------------------------------------------------- */

/* Several parts, and nothing but text. */
static bool
has_texts(const struct ask_message *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_parts; i++) {
		if (m->parts[i].kind > ASK_TEXT && m->parts[i].kind < ASK_THINKING)
			return false;
		n += m->parts[i].kind == ASK_TEXT;
	}
	return n > 1;
}

unsigned
quirks_of_body(const struct quirks *q, const struct ask *ask)
{
	unsigned flags = 0;

	if (ask->op != OP_CHAT)
		return 0;
	if (q->flags & QUIRK_NO_SCHEMA && ask->chat.format == FORMAT_SCHEMA)
		flags |= QUIRK_NO_SCHEMA;
	for (size_t i = 0; q->flags & QUIRK_TEXT_ONE && i < ask->chat.n_messages && !(flags & QUIRK_TEXT_ONE); i++)
		if (has_texts(&ask->chat.messages[i]))
			flags |= QUIRK_TEXT_ONE;
	return flags;
}
