#include "limits/rates.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "core/reply.h"
#include "limits/slots.h"

#define LIMITS_MAX 8
#define ALARM_EVERY_MS 60000
#define SLOTS_RETRY_AFTER_S 5 /* when slots may be free again */

/* KEYS one per dimension, ARGV limit and period (ms) per dimension.
 * A key holds "start current previous": when the current window began and the
 * requests in it and in the one before.  Answers 1 or 0 (refused), then
 * remaining, reset (ms) and wait (ms; 0: would pass) per dimension.
 * With one key and three arguments more (a call's id, lease ms, limit) it takes a
 * place among the user's calls as well (limits/slots.h), or answers 2: none is free. */
static const char take_lua[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local out, state, pass = { 1 }, {}, true\n"
    "local place = #ARGV == 2 * #KEYS + 1\n"
    "local n = place and #KEYS - 1 or #KEYS\n"
    "local values = n > 0 and redis.call('MGET', unpack(KEYS, 1, n)) or {}\n"
    "for i = 1, n do\n"
    "  local limit, period = tonumber(ARGV[2*i-1]), tonumber(ARGV[2*i])\n"
    "  local start, current, previous = string.match(values[i] or '', '^(%d+) (%d+) (%d+)$')\n"
    "  start, current, previous = tonumber(start), tonumber(current), tonumber(previous)\n"
    "  if not start or now < start or now >= start + 2 * period then\n"
    "    start, current, previous = now, 0, 0\n"
    "  elseif now >= start + period then\n"
    "    start, current, previous = start + period, 0, current\n"
    "  end\n"
    "  local left = period - (now - start)\n"
    "  local used = current + previous * left / period\n"
    "  local wait = 0\n"
    "  if current >= limit then\n"
    /* not before the next window, and there this one still weighs */
    "    wait = left + period * (1 - (limit - 1) / current)\n"
    "  elseif used + 1 > limit then\n"
    "    wait = left - (limit - 1 - current) * period / previous\n"
    "  end\n"
    "  if wait > 0 then pass = false end\n"
    "  state[i] = { start, current, previous, start + 2 * period - now }\n"
    "  out[3*i-1] = math.max(0, math.floor(limit - used - 1))\n"
    "  out[3*i] = left\n"
    "  out[3*i+1] = math.ceil(wait)\n"
    "end\n"
    "if not pass then\n"
    "  out[1] = 0\n"
    "  return out\n"
    "end\n"
    "if place then\n"
    "  local set, call, lease, most = KEYS[n+1], ARGV[2*n+1], tonumber(ARGV[2*n+2]), tonumber(ARGV[2*n+3])\n"
    "  if redis.call('ZCARD', set) >= most then\n"
    "    redis.call('ZREMRANGEBYSCORE', set, '-inf', now)\n"
    "    if redis.call('ZCARD', set) >= most then\n"
    "      out[1] = 2\n"
    "      return out\n"
    "    end\n"
    "  end\n"
    "  redis.call('ZADD', set, now + lease, call)\n"
    "  redis.call('PEXPIRE', set, lease)\n"
    "end\n"
    "for i = 1, n do\n"
    "  local s = state[i]\n"
    "  redis.call('SET', KEYS[i], string.format('%d %d %d', s[1], s[2] + 1, s[3]), 'PX', s[4])\n"
    "end\n"
    "return out\n";
static struct redis_script take_script = { .source = take_lua };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_scripts(void)
{
	redis_script_init(&take_script);
}

/* ---- without Redis: GCRA in a fixed table of atomics -------------------------- */

/* A key's theoretical arrival time: when its last request would have come had
 * all come evenly.  A full bucket loses the entry that matters least. */
struct cell {
	_Atomic uint64_t hash; /* 0: free */
	_Atomic int64_t tat_us;
};
#define CELL_WAYS 4
#define CELL_BUCKETS 8192
static struct cell cells[CELL_BUCKETS][CELL_WAYS];

static _Atomic uint64_t degraded;
static _Atomic int64_t next_alarm_ms;

uint64_t
limits_degraded_count(void)
{
	return atomic_load(&degraded);
}

/* FNV-1a, never 0 */
static uint64_t
key_hash(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return (h ^ (h >> 29)) | 1;
}

static struct cell *
cell_of(uint64_t hash)
{
	struct cell *bucket = cells[(hash >> 16) % CELL_BUCKETS], *oldest = &bucket[0];
	uint64_t free_hash = 0;

	for (int i = 0; i < CELL_WAYS; i++)
		if (atomic_load(&bucket[i].hash) == hash)
			return &bucket[i];
	for (int i = 0; i < CELL_WAYS; i++) {
		free_hash = 0;
		if (atomic_compare_exchange_strong(&bucket[i].hash, &free_hash, hash) || free_hash == hash)
			return &bucket[i];
		if (atomic_load(&bucket[i].tat_us) < atomic_load(&oldest->tat_us))
			oldest = &bucket[i];
	}
	/* Two threads may do this at once: then one count is lost, at worst. */
	atomic_store(&oldest->hash, hash);
	atomic_store(&oldest->tat_us, 0);
	return oldest;
}

/* How far apart requests are at this rate; at rates above a million a second no less. */
static int64_t
step_of_us(const struct rate *rate)
{
	int64_t step_us = rate->per_ms * 1000 / rate->count;

	return step_us > 0 ? step_us : 1;
}

/* Count in one dimension; false and retry_after_ms when it is full. */
static bool
take_one(struct limit *l, struct cell *cell, int64_t now_us)
{
	int64_t step_us = step_of_us(&l->rate), room_us = l->rate.per_ms * 1000;
	int64_t tat = atomic_load(&cell->tat_us), next;

	do {
		next = (tat > now_us ? tat : now_us) + step_us;
		if (next - now_us > room_us) {
			l->remaining = 0;
			l->reset_ms = (tat - now_us) / 1000 + 1;
			l->retry_after_ms = (next - now_us - room_us) / 1000 + 1;
			return false;
		}
	} while (!atomic_compare_exchange_weak(&cell->tat_us, &tat, next));
	l->remaining = (room_us - (next - now_us)) / step_us;
	l->reset_ms = (next - now_us) / 1000 + 1;
	l->retry_after_ms = 0;
	return true;
}

static bool
take_here(struct limit *limits, const int *active, int n)
{
	struct cell *taken[LIMITS_MAX];
	int64_t now_us = clock_mono_us(), alarm = atomic_load(&next_alarm_ms);

	atomic_fetch_add(&degraded, 1);
	if (now_us / 1000 >= alarm &&
	    atomic_compare_exchange_strong(&next_alarm_ms, &alarm, now_us / 1000 + ALARM_EVERY_MS))
		LOG(ERROR, "limits_degraded", LS("detail", "Redis is away: rate limits are counted per process"));
	for (int i = 0; i < n; i++) {
		struct limit *l = &limits[active[i]];

		taken[i] = cell_of(key_hash(l->key));
		if (take_one(l, taken[i], now_us))
			continue;
		while (i-- > 0) /* refused: it counts nowhere */
			atomic_fetch_sub(&taken[i]->tat_us, step_of_us(&limits[active[i]].rate));
		return false;
	}
	return true;
}

/* ---- with Redis ------------------------------------------------------------------ */

/* `place`: to be taken as well, NULL: none; *answer as the script's. */
static enum status
take_there(struct redis *r, const struct conf *conf, struct limit *limits, const int *active, int n,
    struct slot_holder *place, int64_t *answer)
{
	char keys[LIMITS_MAX][256], numbers[LIMITS_MAX][2][24], slots[SLOT_KEYS][SLOT_KEY_LEN], lease[24], most[24];
	int n_keys = n + (place != NULL);
	const char *argv[3 * LIMITS_MAX + 4];
	AUTO_REPLY struct redis_reply *reply = NULL;
	enum status st;

	pthread_once(&once, init_scripts);
	for (int i = 0; i < n; i++) {
		struct limit *l = &limits[active[i]];

		snprintf(keys[i], sizeof(keys[i]), "%s%s", conf->redis_prefix, l->key);
		snprintf(numbers[i][0], sizeof(numbers[i][0]), "%lld", (long long)l->rate.count);
		snprintf(numbers[i][1], sizeof(numbers[i][1]), "%lld", (long long)l->rate.per_ms);
		argv[i] = keys[i];
		argv[n_keys + 2 * i] = numbers[i][0];
		argv[n_keys + 2 * i + 1] = numbers[i][1];
	}
	if (place != NULL) {
		slot_keys(conf, place, slots);
		snprintf(lease, sizeof(lease), "%lld", (long long)conf->limits_slot_lease);
		snprintf(most, sizeof(most), "%lld", (long long)conf->limits_relay_tasks);
		argv[n] = slots[SLOT_KEY_USER];
		memcpy(argv + n_keys + 2 * n, (const char *[]){ place->task_id, lease, most }, 3 * sizeof(*argv));
	}
	if ((st = redis_eval(r, &reply, &take_script, n_keys, 3 * n + (place != NULL ? 4 : 0), argv)) != OK)
		return st;
	if (redis_reply_length(reply) != (size_t)(1 + 3 * n))
		return E_UNAVAILABLE;
	*answer = redis_reply_int(redis_reply_at(reply, 0));
	if (place != NULL)
		place->held = *answer == 1;
	for (int i = 0; i < n; i++) {
		struct limit *l = &limits[active[i]];

		l->remaining = redis_reply_int(redis_reply_at(reply, (size_t)(3 * i + 1)));
		l->reset_ms = redis_reply_int(redis_reply_at(reply, (size_t)(3 * i + 2)));
		l->retry_after_ms = redis_reply_int(redis_reply_at(reply, (size_t)(3 * i + 3)));
	}
	return OK;
}

/* limits_take(), and a place: *full, when there was none. */
static enum status
take(struct redis *r, const struct conf *conf, struct limit *limits, int n, struct slot_holder *place, bool *full,
    int *tightest)
{
	int active[LIMITS_MAX], n_active = 0, best = -1;
	int64_t answer = 1;

	for (int i = 0; i < n && i < LIMITS_MAX; i++) {
		limits[i].retry_after_ms = 0;
		if (limits[i].rate.count > 0)
			active[n_active++] = i;
	}
	if ((n_active != 0 || place != NULL) && take_there(r, conf, limits, active, n_active, place, &answer) != OK)
		answer = n_active == 0 || take_here(limits, active, n_active);
	*full = answer == 2;
	for (int i = 0; i < n_active; i++) {
		const struct limit *l = &limits[active[i]], *b = best >= 0 ? &limits[best] : NULL;

		if (b == NULL || l->retry_after_ms > b->retry_after_ms ||
		    (l->retry_after_ms == b->retry_after_ms && l->remaining < b->remaining))
			best = active[i];
	}
	*tightest = best;
	return answer != 0 ? OK : E_RATE_LIMITED;
}

enum status
limits_take(struct redis *r, const struct conf *conf, struct limit *limits, int n, int *tightest)
{
	bool full;

	return take(r, conf, limits, n, NULL, &full, tightest);
}

/* ---- the stage ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t rate; /* where struct conf has it */
} classes[] = {
#define RATE(NAME, option) [RATE_##NAME] = { #option, offsetof(struct conf, limits_rate_##option) },
#include "core/rates.def"
#undef RATE
};

static struct rate
class_rate(const struct conf *conf, enum rate_class class)
{
	return *(const struct rate *)(const void *)((const char *)conf + classes[class].rate);
}

_Static_assert(LIMITS_ADDRESS_LEN >= INET6_ADDRSTRLEN + 4, "the longest address and /64");

void
limits_address(const char *ip, char out[LIMITS_ADDRESS_LEN])
{
	static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };
	struct in6_addr six;
	size_t len;

	if (ip == NULL || inet_pton(AF_INET6, ip, &six) != 1) {
		snprintf(out, LIMITS_ADDRESS_LEN, "%s", ip == NULL ? "unknown" : ip);
		return;
	}
	if (memcmp(&six, mapped, sizeof(mapped)) == 0) {
		inet_ntop(AF_INET, six.s6_addr + 12, out, INET6_ADDRSTRLEN);
		return;
	}
	memset(six.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &six, out, INET6_ADDRSTRLEN);
	len = strlen(out);
	memcpy(out + len, "/64", 4);
}

static enum status
refuse(struct context *cx, const struct limit *limit)
{
	fail(cx, E_RATE_LIMITED, "%s", limit->key);
	fail_retry_after(cx, (int)((limit->retry_after_ms + 999) / 1000));
	return E_RATE_LIMITED;
}

enum status
limits_refuse_tasks(struct context *cx, int64_t most)
{
	fail_with(cx, E_TASK_QUEUE_FULL, json_pack("{s:I}", "limit", (json_int_t)most), NULL);
	fail_message(cx,
	    arena_printf(cx->arena, "The task queue is full: at most %lld tasks at once.", (long long)most),
	    arena_printf(cx->arena, "任务队列已满，最多同时执行 %lld 个任务", (long long)most));
	fail_retry_after(cx, SLOTS_RETRY_AFTER_S);
	return E_TASK_QUEUE_FULL;
}

void
limits_give_place(struct request *rq)
{
	if (rq->place == NULL || !rq->place->held)
		return;
	slots_release(rq->cx.redis, rq->cx.conf, rq->place);
	rq->place->held = false;
}

/* Where a call of the relay will want a place, that is taken with the rates. */
static struct slot_holder *
wanted_place(struct request *rq)
{
	char id[UUID_LEN];

	if (!(rq->route->flags & ROUTE_CALL) || rq->cx.caller.user_id == NULL)
		return NULL;
	uuid_v7(id);
	rq->place = ARENA_NEW(rq->cx.arena, struct slot_holder);
	slot_holder_init(rq->place, rq->cx.caller.user_id, NULL, id, false);
	rq->place->relay = true;
	return rq->place;
}

enum status
limits_stage(struct request *rq)
{
	const struct conf *conf = rq->cx.conf;
	const struct key_limits *key = rq->cx.caller.limits;
	char address[LIMITS_ADDRESS_LEN];
	struct limit limits[4] = { { .rate = { 0, 0 } } };
	enum status st;
	bool full;
	int i;

	if (rq->route->rate == RATE_NONE)
		return OK;
	limits_address(rq->cx.client_ip, address);
	limits[0].rate = class_rate(conf, rq->route->rate);
	snprintf(limits[0].key, sizeof(limits[0].key), "rate:%s:%s", classes[rq->route->rate].name,
	    rq->cx.caller.user_id != NULL ? rq->cx.caller.user_id : address);
	limits[1].rate = conf->limits_rate_address;
	snprintf(limits[1].key, sizeof(limits[1].key), "rate:address:%s", address);
	limits[2].rate = conf->limits_rate_global;
	snprintf(limits[2].key, sizeof(limits[2].key), "rate:global");
	if (key != NULL && key->rpm > 0) {
		limits[3].rate = (struct rate){ key->rpm, 60000 };
		snprintf(limits[3].key, sizeof(limits[3].key), "rate:key:%s", key->shared_id);
	}

	st = take(rq->cx.redis, conf, limits, 4, wanted_place(rq), &full, &i);
	if (i >= 0) {
		rq->window.limit = limits[i].rate.count;
		rq->window.remaining = st == OK ? limits[i].remaining : 0;
		rq->window.reset_ms = st == OK ? limits[i].reset_ms : limits[i].retry_after_ms;
		reply_header(rq, "RateLimit-Limit", "%lld", (long long)rq->window.limit);
		reply_header(rq, "RateLimit-Remaining", "%lld", (long long)rq->window.remaining);
		reply_header(rq, "RateLimit-Reset", "%lld", ((long long)rq->window.reset_ms + 999) / 1000);
	}
	if (st == OK && full)
		return limits_refuse_tasks(&rq->cx, conf->limits_relay_tasks);
	return st == OK ? OK : refuse(&rq->cx, &limits[i]);
}

enum status
limits_account(struct context *cx, const char *account)
{
	struct limit limit = { .rate = cx->conf->limits_rate_account };
	char hex[SHA256_BYTES + 1]; /* of half the hash */
	unsigned char hash[SHA256_BYTES];
	int tightest;

	crypto_sha256(account, strlen(account), hash);
	crypto_hex(hash, SHA256_BYTES / 2, hex);
	snprintf(limit.key, sizeof(limit.key), "rate:account:%s", hex);
	return limits_take(cx->redis, cx->conf, &limit, 1, &tightest) == OK ? OK : refuse(cx, &limit);
}
