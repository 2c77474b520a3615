#include "limits/leases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/reactor.h"

/* One script call renews so many leases: large enough to be cheap, small
 * enough that Redis answers others in between. */
#define CHUNK 64
/* With Redis away, ask again this often instead of every third of a lease. */
#define RETRY_MS 1000

/* KEYS user, conversation, lock, agents per lease
 * ARGV lease ms, then task, conversation ("": none), agent ("1" or "") per lease
 * answers Redis' time and one letter per lease: 1 renewed, 0 something is
 * missing, L the conversation is locked by another task */
static const char renew_lua[] = "local t = redis.call('TIME')\n"
				"local now, lease = t[1] * 1000 + math.floor(t[2] / 1000), tonumber(ARGV[1])\n"
				"local function prolong(key, member)\n"
				"  if not redis.call('ZSCORE', key, member) then return '0' end\n"
				"  redis.call('ZADD', key, 'XX', now + lease, member)\n"
				"  redis.call('PEXPIRE', key, lease)\n"
				"  return '1'\n"
				"end\n"
				"local states = {}\n"
				"for i = 1, #KEYS / 4 do\n"
				"  local user, set, lock, agents = KEYS[4*i-3], KEYS[4*i-2], KEYS[4*i-1], KEYS[4*i]\n"
				"  local task, conv, agent = ARGV[3*i-1], ARGV[3*i], ARGV[3*i+1]\n"
				"  local state = prolong(user, task)\n"
				"  if conv ~= '' and prolong(set, task) == '0' then state = '0' end\n"
				"  if agent ~= '' then\n"
				"    local owner = redis.call('GET', lock)\n"
				"    if owner == task then\n"
				"      redis.call('PEXPIRE', lock, lease)\n"
				"      if prolong(agents, conv) == '0' then state = '0' end\n"
				"    else\n"
				"      state = owner and 'L' or '0'\n"
				"    end\n"
				"  end\n"
				"  states[i] = state\n"
				"end\n"
				"return { now, table.concat(states) }\n";
static struct redis_script renew_script = { .source = renew_lua };

/* KEYS and ARGV as above, but ARGV begins with: lease ms, the time at which the
 * leases were seen missing, and for how long that holds.  Registers them; V
 * when the call came too late to know whether they are still wanted. */
static const char restore_lua[] = "local t = redis.call('TIME')\n"
				  "local now, lease = t[1] * 1000 + math.floor(t[2] / 1000), tonumber(ARGV[1])\n"
				  "local late = now > tonumber(ARGV[2]) + tonumber(ARGV[3])\n"
				  "local function take(key, member)\n"
				  "  redis.call('ZADD', key, now + lease, member)\n"
				  "  redis.call('PEXPIRE', key, lease)\n"
				  "end\n"
				  "local states = {}\n"
				  "for i = 1, #KEYS / 4 do\n"
				  "  local user, set, lock, agents = KEYS[4*i-3], KEYS[4*i-2], KEYS[4*i-1], KEYS[4*i]\n"
				  "  local task, conv, agent = ARGV[3*i+1], ARGV[3*i+2], ARGV[3*i+3]\n"
				  "  if late then\n"
				  "    states[i] = 'V'\n"
				  "  elseif agent ~= '' and (redis.call('GET', lock) or task) ~= task then\n"
				  "    states[i] = 'L'\n"
				  "  else\n"
				  "    take(user, task)\n"
				  "    if conv ~= '' then take(set, task) end\n"
				  "    if agent ~= '' then\n"
				  "      redis.call('SET', lock, task, 'PX', lease)\n"
				  "      take(agents, conv)\n"
				  "    end\n"
				  "    states[i] = '1'\n"
				  "  end\n"
				  "end\n"
				  "return { now, table.concat(states) }\n";

enum lease_state {
	LEASE_ALIVE,	 /* renewed until lease_end() */
	LEASE_RELEASING, /* the release is on its way */
	LEASE_UNRELEASED /* Redis did not hear it: said again at the next renewal */
};

struct lease {
	struct lease *next, **at; /* in the registry */
	struct leases *registry;
	struct slot_holder holder;
	enum lease_state state;
	bool fenced;	    /* lost() was called */
	unsigned in_flight; /* calls that will come back to it */
	int64_t forget_ms;  /* when an unreleased lease has run out by itself */
	lease_lost_fn *lost;
	void *arg;
};

struct leases {
	struct process *process;
	struct reactor_timer *timer;
	struct lease *first;
	size_t alive;
};

/* The leases one call is about. */
struct chunk {
	struct leases *registry;
	int n;
	struct lease *leases[CHUNK];
};

static void on_tick(void *arg);

static struct leases *
registry_of(struct process *process)
{
	struct leases *all = process->leases;

	if (all != NULL)
		return all;
	all = xcalloc(1, sizeof(*all));
	redis_script_init(&renew_script);
	all->process = process;
	all->timer = reactor_timer_new(process->reactor, on_tick, all);
	process->leases = all;
	return all;
}

static void
forget(struct lease *l)
{
	*l->at = l->next;
	if (l->next != NULL)
		l->next->at = l->at;
	free(l);
}

static void
tick_in(struct leases *all, int64_t ms)
{
	if (!reactor_timer_running(all->timer))
		reactor_timer_start(all->timer, ms);
}

static int64_t
renewal_ms(const struct leases *all)
{
	return all->process->conf->limits_slot_lease / 3;
}

static int64_t
retry_ms(const struct leases *all)
{
	return renewal_ms(all) < RETRY_MS ? renewal_ms(all) : RETRY_MS;
}

/* ---- giving back ------------------------------------------------------------------ */

static void
release_failed(struct lease *l)
{
	l->state = LEASE_UNRELEASED;
	tick_in(l->registry, retry_ms(l->registry));
}

static void
on_released(void *arg, const struct redis_reply *reply)
{
	struct lease *l = arg;

	l->in_flight--;
	if (reply == NULL)
		release_failed(l);
	else if (l->in_flight == 0)
		forget(l);
}

static void
release(struct lease *l)
{
	struct process *process = l->registry->process;
	char keys[SLOT_KEYS][SLOT_KEY_LEN];

	bool sent;

	slot_keys(process->conf, &l->holder, keys);
	l->state = LEASE_RELEASING;
	l->in_flight++;
	if (l->holder.relay) /* one place, and no lock beside it */
		sent = redis_async_command(process->redis, on_released, l, 3,
		    (const char *[]){ "ZREM", keys[SLOT_KEY_USER], l->holder.task_id }, NULL);
	else
		sent = redis_async_eval(process->redis, on_released, l, slot_release_script(), SLOT_KEYS, 6,
		    (const char *[]){
			keys[0], keys[1], keys[2], keys[3], l->holder.task_id, l->holder.conversation_id });
	if (!sent) {
		l->in_flight--;
		release_failed(l);
	}
}

/* ---- renewal ------------------------------------------------------------------------ */

#define CHUNK_ARGS (5 + CHUNK * (SLOT_KEYS + 3))

/* The keys of all leases at argv, then the `n_head` head arguments, then three
 * per lease; returns how many there are. */
static int
chunk_args(const struct chunk *c, char (*keys)[SLOT_KEYS][SLOT_KEY_LEN], const char **argv, int n_head,
    const char *const *head)
{
	int argc = 0;

	for (int i = 0; i < c->n; i++) {
		slot_keys(c->registry->process->conf, &c->leases[i]->holder, keys[i]);
		for (int k = 0; k < SLOT_KEYS; k++)
			argv[argc++] = keys[i][k];
	}
	for (int i = 0; i < n_head; i++)
		argv[argc++] = head[i];
	for (int i = 0; i < c->n; i++) {
		argv[argc++] = c->leases[i]->holder.task_id;
		argv[argc++] = c->leases[i]->holder.conversation_id;
		argv[argc++] = c->leases[i]->holder.agent ? "1" : "";
	}
	return argc;
}

static struct chunk *
chunk_new(struct leases *all)
{
	struct chunk *c = xcalloc(1, sizeof(*c));

	c->registry = all;
	return c;
}

static void
chunk_add(struct chunk *c, struct lease *l)
{
	l->in_flight++;
	c->leases[c->n++] = l;
}

/* Let go of the leases; those that were released meanwhile can be forgotten. */
static void
chunk_free(struct chunk *c)
{
	for (int i = 0; i < c->n; i++)
		if (--c->leases[i]->in_flight == 0 && c->leases[i]->state == LEASE_RELEASING)
			forget(c->leases[i]);
	free(c);
}

static void
fence(struct lease *l)
{
	if (l->fenced || l->state != LEASE_ALIVE)
		return;
	l->fenced = true;
	LOG(WARN, "lease_lost", LS("task_id", l->holder.task_id), LS("conversation_id", l->holder.conversation_id));
	if (l->lost != NULL)
		l->lost(l->arg);
}

static void
on_restored(void *arg, const struct redis_reply *reply)
{
	struct chunk *c = arg;
	const char *states = redis_reply_text(redis_reply_at(reply, 1), NULL);

	for (int i = 0; i < c->n && states != NULL && states[i] != '\0'; i++) {
		if (states[i] == 'L')
			fence(c->leases[i]);
		else if (states[i] == '1')
			c->leases[i]->holder.held = true;
	}
	if (states == NULL || strchr(states, 'V') != NULL)
		tick_in(c->registry, retry_ms(c->registry));
	chunk_free(c);
}

/* Register what is missing.  Sent in full, never by digest: a second sending
 * could overtake a release. */
static void
restore(struct chunk *c, int64_t seen_ms)
{
	static const size_t restore_max = 3 + CHUNK_ARGS;
	char(*keys)[SLOT_KEYS][SLOT_KEY_LEN] = xcalloc((size_t)c->n, sizeof(*keys));
	const char **argv = xcalloc(restore_max, sizeof(*argv));
	char lease[24], seen[24], holds[24], nkeys[24];
	int argc;

	snprintf(lease, sizeof(lease), "%lld", (long long)c->registry->process->conf->limits_slot_lease);
	snprintf(seen, sizeof(seen), "%lld", (long long)seen_ms);
	snprintf(holds, sizeof(holds), "%lld", (long long)c->registry->process->conf->redis_timeout);
	snprintf(nkeys, sizeof(nkeys), "%d", c->n * SLOT_KEYS);
	argv[0] = "EVAL";
	argv[1] = restore_lua;
	argv[2] = nkeys;
	argc = 3 + chunk_args(c, keys, argv + 3, 3, (const char *[]){ lease, seen, holds });
	if (!redis_async_command(c->registry->process->redis, on_restored, c, argc, argv, NULL)) {
		tick_in(c->registry, retry_ms(c->registry));
		chunk_free(c);
	}
	free(argv);
	free(keys);
}

static void
on_renewed(void *arg, const struct redis_reply *reply)
{
	struct chunk *c = arg, *missing = NULL;
	const char *states = redis_reply_text(redis_reply_at(reply, 1), NULL);

	for (int i = 0; i < c->n && states != NULL && states[i] != '\0'; i++) {
		struct lease *l = c->leases[i];

		if (states[i] == 'L')
			fence(l);
		if (states[i] == '1')
			l->holder.held = true;
		if (states[i] != '0' || l->state != LEASE_ALIVE)
			continue;
		if (missing == NULL)
			missing = chunk_new(c->registry);
		chunk_add(missing, l);
	}
	if (states == NULL) {
		/* Redis is away: find out soon when it is back */
		reactor_timer_stop(c->registry->timer);
		tick_in(c->registry, retry_ms(c->registry));
	}
	if (missing != NULL)
		restore(missing, redis_reply_int(redis_reply_at(reply, 0)));
	chunk_free(c);
}

static bool
renew(struct chunk *c)
{
	char(*keys)[SLOT_KEYS][SLOT_KEY_LEN] = xcalloc((size_t)c->n, sizeof(*keys));
	const char **argv = xcalloc(CHUNK_ARGS, sizeof(*argv));
	char lease[24];
	bool sent;
	int argc;

	snprintf(lease, sizeof(lease), "%lld", (long long)c->registry->process->conf->limits_slot_lease);
	argc = chunk_args(c, keys, argv, 1, (const char *[]){ lease });
	sent = redis_async_eval(
	    c->registry->process->redis, on_renewed, c, &renew_script, c->n * SLOT_KEYS, argc, argv);
	if (!sent)
		chunk_free(c);
	free(argv);
	free(keys);
	return sent;
}

/* Renew everything alive, release what is not yet released. */
static void
on_tick(void *arg)
{
	struct leases *all = arg;
	struct chunk *c = NULL;
	struct lease *l, *next;
	bool reachable = redis_async_up(all->process->redis);

	for (l = all->first; l != NULL; l = next) {
		next = l->next;
		if (l->state == LEASE_UNRELEASED && l->in_flight == 0) {
			if (clock_mono_ms() >= l->forget_ms)
				forget(l);
			else if (reachable)
				release(l);
		} else if (l->state == LEASE_ALIVE && reachable) {
			if (c == NULL)
				c = chunk_new(all);
			chunk_add(c, l);
			if (c->n == CHUNK) {
				reachable = renew(c);
				c = NULL;
			}
		}
	}
	if (c != NULL)
		reachable = renew(c);
	if (all->first != NULL)
		tick_in(all, reachable ? renewal_ms(all) : retry_ms(all));
}

/* ---- the lease ---------------------------------------------------------------------- */

struct lease *
lease_start(struct process *process, const struct slot_holder *holder, lease_lost_fn *lost, void *arg)
{
	struct leases *all = registry_of(process);
	struct lease *l = xcalloc(1, sizeof(*l));

	l->registry = all;
	l->holder = *holder;
	l->lost = lost;
	l->arg = arg;
	l->next = all->first;
	l->at = &all->first;
	if (l->next != NULL)
		l->next->at = &l->next;
	all->first = l;
	all->alive++;
	tick_in(all, holder->held ? renewal_ms(all) : retry_ms(all));
	return l;
}

void
lease_end(struct lease *lease)
{
	if (lease == NULL)
		return;
	lease->registry->alive--;
	lease->lost = NULL;
	lease->forget_ms = clock_mono_ms() + lease->registry->process->conf->limits_slot_lease;
	release(lease);
}

size_t
leases_count(const struct process *process)
{
	return process->leases != NULL ? process->leases->alive : 0;
}

void
leases_free(struct process *process)
{
	struct leases *all = process->leases;

	if (all == NULL)
		return;
	while (all->first != NULL)
		forget(all->first);
	reactor_timer_free(all->timer);
	free(all);
	process->leases = NULL;
}
