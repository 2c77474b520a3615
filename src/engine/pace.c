#include "engine/pace.h"

#include <stdio.h>

#include "limits/rates.h"

#define MINUTE_MS 60000

static int64_t
key_rpm(const struct offer_channel *ch)
{
	for (size_t i = 0; i < ch->account->n_keys; i++)
		if (ch->account->keys[i].id == ch->key_id)
			return ch->account->keys[i].rpm;
	return 0;
}

/* May it be asked?  Counts the call if so; else when it may. */
static bool
take(struct context *cx, const struct offer_channel *ch, int64_t *retry_after_ms)
{
	struct limit limits[] = { { .rate = { ch->account->rpm, MINUTE_MS } }, { .rate = { key_rpm(ch), MINUTE_MS } } };
	int tightest;

	if (limits[0].rate.count == 0 && limits[1].rate.count == 0)
		return true;
	snprintf(limits[0].key, sizeof(limits[0].key), "rate:channel:%lld", (long long)ch->id);
	snprintf(limits[1].key, sizeof(limits[1].key), "rate:channel-key:%lld", (long long)ch->key_id);
	if (limits_take(cx->redis, cx->conf, limits, 2, &tightest) == OK)
		return true;
	if (*retry_after_ms == 0 || limits[tightest].retry_after_ms < *retry_after_ms)
		*retry_after_ms = limits[tightest].retry_after_ms;
	return false;
}

enum status
pace_take(struct context *cx, struct offer_model *m)
{
	int64_t retry_after_ms = 0;
	enum status st;

	for (; m->n_channels > 0; m->channels++, m->n_channels--)
		if (take(cx, &m->channels[0], &retry_after_ms))
			return OK;
	st = fail(cx, E_UNAVAILABLE, "every channel of model %s has been asked as often as it may be", m->name);
	fail_retry_after(cx, (int)((retry_after_ms + 999) / 1000));
	return st;
}
