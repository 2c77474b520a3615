#include "base/phone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TYPED_MAX 40
#define DIGITS_MIN 5
#define DIGITS_MAX 20
/* Of calling code and national number together; E.164 says 15. */
#define E164_DIGITS_MIN 7
#define E164_DIGITS_MAX 15

struct country {
	const char *code, *calling, *international, *trunk;
	size_t digits;
};

static const struct country countries[] = {
#define COUNTRY(code, calling, international, trunk, digits) { #code, calling, international, trunk, digits },
#include "base/phones.def"
#undef COUNTRY
};

static const struct country *
find_country(const char *code)
{
	for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
		if (strcmp(countries[i].code, code) == 0)
			return &countries[i];
	return NULL;
}

bool
phone_country_known(const char *country)
{
	return *country == '\0' || find_country(country) != NULL;
}

static bool
begins(const char *s, const char *prefix)
{
	return *prefix != '\0' && strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The + and the digits of what was typed; false when there is anything else. */
static bool
strip(const char *typed, char out[TYPED_MAX])
{
	size_t n = 0;

	if (strlen(typed) >= TYPED_MAX)
		return false;
	for (const char *p = typed; *p != '\0'; p++) {
		if (*typed == '+' && begins(p, "(0)")) { /* +44 (0)20 …: the trunk prefix, not for those who dial + */
			p += 2;
			continue;
		}
		if (isdigit((unsigned char)*p) || (*p == '+' && n == 0))
			out[n++] = *p;
		else if (strchr(" -./()", *p) == NULL)
			return false;
	}
	out[n] = '\0';
	return true;
}

bool
phone_is_plausible(const char *typed)
{
	char text[TYPED_MAX];
	size_t digits;

	if (!strip(typed, text))
		return false;
	digits = strlen(text + (*text == '+'));
	return digits >= DIGITS_MIN && digits <= DIGITS_MAX;
}

/* The national number without the prefix that is dialled within the country. */
static const char *
without_trunk(const char *number, const struct country *c)
{
	size_t len = strlen(c->trunk);

	if (!begins(number, c->trunk) || (c->digits != 0 && strlen(number) != len + c->digits))
		return number;
	return number + len;
}

bool
phone_e164(const char *typed, const char *country, char out[PHONE_LEN])
{
	const struct country *c = find_country(country);
	char text[TYPED_MAX], full[TYPED_MAX + 4];
	size_t digits;

	if (!phone_is_plausible(typed) || !strip(typed, text))
		return false;
	if (*text == '+')
		snprintf(full, sizeof(full), "%s", text + 1);
	else if (c == NULL)
		return false;
	else if (begins(text, c->international))
		snprintf(full, sizeof(full), "%s", text + strlen(c->international));
	else
		snprintf(full, sizeof(full), "%s%s", c->calling, without_trunk(text, c));
	digits = strlen(full);
	if (digits < E164_DIGITS_MIN || digits > E164_DIGITS_MAX || full[0] == '0') /* no calling code begins with 0 */
		return false;
	out[0] = '+';
	memcpy(out + 1, full, digits + 1);
	return true;
}

size_t
phone_spellings(struct arena *a, const char *typed, const char *country, const char *out[PHONE_SPELLINGS_MAX])
{
	const struct country *c = find_country(country);
	char text[TYPED_MAX], e164[PHONE_LEN];
	size_t n = 0;

	if (!phone_is_plausible(typed) || !strip(typed, text))
		return 0;
	if (phone_e164(typed, country, e164)) {
		out[n++] = arena_strdup(a, e164);
		out[n++] = arena_strdup(a, e164 + 1);
		if (c != NULL && begins(e164 + 1, c->calling)) {
			out[n++] = arena_strdup(a, e164 + 1 + strlen(c->calling));
			out[n] = arena_printf(a, "%s%s", c->trunk, out[n - 1]);
			n++;
		}
	}
	out[n++] = arena_strdup(a, text);
	return n;
}
