#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t
clock_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_wall_s(void)
{
	return clock_wall_ms() / 1000;
}

void
clock_rfc3339(int64_t wall_ms, char out[RFC3339_LEN])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, RFC3339_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, RFC3339_LEN - n, ".%03uZ", (unsigned)(wall_ms % 1000));
}

/* The number that `n` digits are; -1 when they are not that many. */
static int
digits_at(const char *s, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	return value;
}

/* ".250" in ms, at most nine decimals; the end of it to *s.  -1: a point without any. */
static int
parse_decimals(const char **s)
{
	int ms = 0, n = 0;

	if (**s != '.')
		return 0;
	for (++*s; **s >= '0' && **s <= '9' && n < 9; ++*s, n++)
		if (n < 3)
			ms = ms * 10 + (**s - '0');
	for (int i = n; i < 3; i++)
		ms *= 10;
	return n == 0 ? -1 : ms;
}

/* "Z", "+08:00" or "-08:00", and nothing after it, in minutes east. */
static bool
parse_zone(const char *s, int *minutes)
{
	int hours, rest;

	*minutes = 0;
	if (strcmp(s, "Z") == 0)
		return true;
	if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':')
		return false;
	hours = digits_at(s + 1, 2);
	rest = digits_at(s + 4, 2);
	*minutes = (*s == '-' ? -1 : 1) * (hours * 60 + rest);
	return hours >= 0 && hours <= 23 && rest >= 0 && rest <= 59;
}

bool
clock_parse_rfc3339(const char *text, int64_t *wall_ms)
{
	struct tm tm = { 0 }, again;
	int ms, zone;
	time_t s;

	if (strlen(text) < sizeof("2026-01-02T03:04:05") || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
	    text[13] != ':' || text[16] != ':')
		return false;
	tm.tm_year = digits_at(text, 4) - 1900;
	tm.tm_mon = digits_at(text + 5, 2) - 1;
	tm.tm_mday = digits_at(text + 8, 2);
	tm.tm_hour = digits_at(text + 11, 2);
	tm.tm_min = digits_at(text + 14, 2);
	tm.tm_sec = digits_at(text + 17, 2);
	text += sizeof("2026-01-02T03:04:05") - 1;
	again = tm;
	/* timegm() makes the 31st of June the 1st of July, and so does not leave it as it was */
	s = timegm(&again);
	if (tm.tm_year < 0 || again.tm_year != tm.tm_year || again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return false;
	if ((ms = parse_decimals(&text)) < 0 || !parse_zone(text, &zone))
		return false;
	*wall_ms = ((int64_t)s - zone * INT64_C(60)) * 1000 + ms;
	return true;
}
