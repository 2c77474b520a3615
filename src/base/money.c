#include "base/money.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

bool
ucr_parse(const char *text, int64_t *out_ucr)
{
	const char *p = text;
	bool negative = p != NULL && *p == '-';
	int64_t value = 0;
	int decimals = -1, digits = 0;

	if (p == NULL)
		return false;
	for (p += negative; *p != '\0'; p++) {
		if (*p == '.' && decimals < 0 && digits > 0) {
			decimals = 0;
			continue;
		}
		if (!isdigit((unsigned char)*p) || decimals == 6 || value > UCR_MAX / 10)
			return false;
		value = value * 10 + (*p - '0');
		digits++;
		decimals += decimals >= 0;
	}
	if (digits == 0 || decimals == 0)
		return false;
	for (int d = decimals < 0 ? 0 : decimals; d < 6; d++) {
		if (value > UCR_MAX / 10)
			return false;
		value *= 10;
	}
	if (value > UCR_MAX)
		return false;
	*out_ucr = negative ? -value : value;
	return true;
}

const char *
ucr_format(int64_t ucr, char out[UCR_TEXT_LEN])
{
	uint64_t abs = ucr < 0 ? -(uint64_t)ucr : (uint64_t)ucr;
	int n = snprintf(out, UCR_TEXT_LEN, "%s%" PRIu64, ucr < 0 ? "-" : "", abs / 1000000);

	if (abs % 1000000 == 0)
		return out;
	n += snprintf(out + n, UCR_TEXT_LEN - (size_t)n, ".%06" PRIu64, abs % 1000000);
	while (out[n - 1] == '0')
		out[--n] = '\0';
	return out;
}

int64_t
ucr_for_units(int64_t units, int64_t price_ucr, int64_t per)
{
	__int128 cost;

	if (units <= 0 || price_ucr <= 0 || per <= 0)
		return 0;
	cost = ((__int128)units * price_ucr + per - 1) / per;
	return cost > UCR_MAX ? UCR_MAX : (int64_t)cost;
}

int64_t
ucr_add(int64_t a, int64_t b)
{
	__int128 sum = (__int128)a + b;

	if (sum > UCR_MAX)
		return UCR_MAX;
	return sum < -UCR_MAX ? -UCR_MAX : (int64_t)sum;
}
