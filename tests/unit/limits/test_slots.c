/* Slots, leases and locks against a real Redis: limits, races, expiry, FLUSHALL, freezes, fencing. */
#include "limits/slots.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/ids.h"
#include "limits/leases.h"
#include "limits/locks.h"
#include "unit/redisd.h"
#include "tap.h"

#define USER "01900000-0000-7000-8000-000000000001"
#define CONV "01900000-0000-7000-8000-0000000000c1"

static struct redis *r;

static int
set_up(void)
{
	if (redisd_start("[limits]\nslot_lease = 1s\n") != 0)
		return -1;
	r = redis_new(redisd_conf);
	return 0;
}

static int
tear_down(void)
{
	redis_free(r);
	redisd_stop();
	return 0;
}

static void
begin(void)
{
	for (int i = 0; i < 200 && redis_call(r, NULL, "FLUSHALL") != OK; i++)
		pause_ms(10);
}

/* Conversation number `n`. */
static const char *
conv(int n)
{
	static _Thread_local char id[UUID_LEN];

	snprintf(id, sizeof(id), "01900000-0000-7000-8000-%012d", n);
	return id;
}

static struct slot_holder
holder(const char *conversation, bool agent)
{
	struct slot_holder h;
	char task[UUID_LEN];

	uuid_v7(task);
	slot_holder_init(&h, USER, conversation, task, agent);
	return h;
}

static enum status
acquire(const char *conversation, bool agent)
{
	struct slot_holder h = holder(conversation, agent);

	return slots_acquire(r, redisd_conf, &h);
}

static void
check_active(int64_t user_n, int64_t conversation_n)
{
	int64_t u = -1, c = -1;

	CU_ASSERT_EQUAL(slots_active(r, NULL, redisd_conf, USER, CONV, &u, &c), OK);
	CU_ASSERT_EQUAL(u, user_n);
	CU_ASSERT_EQUAL(c, conversation_n);
}

/* ---- slots ------------------------------------------------------------------------- */

static void
test_fifteen_and_five(void)
{
	struct slot_holder held[15];

	begin();
	for (int i = 0; i < 15; i++) {
		held[i] = holder(i < 5 ? CONV : conv(i), false);
		CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &held[i]), OK);
		CU_ASSERT_TRUE(held[i].held);
		if (i == 4)
			CU_ASSERT_EQUAL(acquire(CONV, false), E_CONVERSATION_QUEUE_FULL);
	}
	check_active(15, 5);
	CU_ASSERT_EQUAL(acquire(conv(99), false), E_TASK_QUEUE_FULL);
	CU_ASSERT_EQUAL(acquire(NULL, false), E_TASK_QUEUE_FULL);
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &held[3]), OK); /* its own: again is fine */
	check_active(15, 5);
	slots_release(r, redisd_conf, &held[0]);
	slots_release(r, redisd_conf, &held[0]);
	check_active(14, 4);
	CU_ASSERT_EQUAL(acquire(CONV, false), OK);
	for (int i = 0; i < 15; i++)
		slots_release(r, redisd_conf, &held[i]);
	check_active(1, 1);
}

static void
test_a_dead_owner_frees(void)
{
	begin();
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(acquire(CONV, false), OK);
	CU_ASSERT_EQUAL(acquire(CONV, false), E_CONVERSATION_QUEUE_FULL);
	pause_ms(1050);
	check_active(0, 0);
	CU_ASSERT_EQUAL(acquire(CONV, false), OK);
}

static void
test_agents(void)
{
	struct slot_holder first = holder(CONV, true), other;

	begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &first), OK);
	CU_ASSERT_EQUAL(acquire(CONV, true), E_CONVERSATION_BUSY);
	check_active(1, 1); /* what was refused took nothing */
	CU_ASSERT_EQUAL(acquire(CONV, false), OK);
	CU_ASSERT_EQUAL(acquire(conv(1), true), OK);
	CU_ASSERT_EQUAL(acquire(conv(2), true), OK);
	CU_ASSERT_EQUAL(acquire(conv(3), true), E_CONVERSATION_LIMIT);
	check_active(4, 2);
	slots_release(r, redisd_conf, &first);
	CU_ASSERT_EQUAL(acquire(conv(3), true), OK);
	/* somebody else's release does not unlock */
	other = holder(conv(3), true);
	slots_release(r, redisd_conf, &other);
	CU_ASSERT_EQUAL(acquire(conv(3), true), E_CONVERSATION_BUSY);
}

static void
test_without_redis(void)
{
	begin();
	redisd_freeze();
	CU_ASSERT_EQUAL(acquire(CONV, false), E_UNAVAILABLE);
	redisd_thaw();
	begin();
	CU_ASSERT_EQUAL(acquire(CONV, false), OK);
}

/* ---- the race: 50 threads, 20 tries each --------------------------------------------- */

static _Atomic int taken[2], wrong;

static void *
racer(void *arg)
{
	struct redis *mine = redis_new(redisd_conf);
	int n = (int)(intptr_t)arg;

	for (int i = 0; i < 20; i++) {
		struct slot_holder h = holder(n % 2 == 0 ? CONV : conv(1000 + n * 20 + i), false);

		switch (slots_acquire(mine, redisd_conf, &h)) {
		case OK: taken[n % 2]++; break;
		case E_TASK_QUEUE_FULL:
		case E_CONVERSATION_QUEUE_FULL: break;
		default: wrong++;
		}
	}
	redis_free(mine);
	return NULL;
}

static void
test_race(void)
{
	pthread_t threads[50];

	begin();
	taken[0] = taken[1] = wrong = 0;
	for (intptr_t i = 0; i < 50; i++)
		pthread_create(&threads[i], NULL, racer, (void *)i);
	for (int i = 0; i < 50; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(taken[0] + taken[1], 15);
	CU_ASSERT(taken[0] <= 5);
	check_active(15, taken[0]);
}

/* ---- leases ----------------------------------------------------------------------------- */

static struct process process;

static bool
is_up(void *arg)
{
	(void)arg;
	return redis_async_up(process.redis);
}

static void
leases_begin(void)
{
	begin();
	memset(&process, 0, sizeof(process));
	process.conf = redisd_conf;
	process.reactor = reactor_new();
	process.redis = redis_async_new(process.reactor, redisd_conf);
	CU_ASSERT_EQUAL(leases_count(&process), 0);
	CU_ASSERT_TRUE(redisd_run(process.reactor, 2000, is_up, NULL));
}

static void
leases_end(void)
{
	redis_async_free(process.redis);
	leases_free(&process);
	reactor_free(process.reactor);
}

static void
run_ms(int ms)
{
	redisd_run(process.reactor, ms, NULL, NULL);
}

static void
on_lost(void *arg)
{
	++*(int *)arg;
}

static void
test_lease_is_renewed_and_released(void)
{
	struct slot_holder h = holder(CONV, true);
	struct lease *lease;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	lease = lease_start(&process, &h, NULL, NULL);
	CU_ASSERT_EQUAL(leases_count(&process), 1);
	run_ms(2500);
	check_active(1, 1);
	CU_ASSERT_EQUAL(acquire(CONV, true), E_CONVERSATION_BUSY);
	lease_end(lease);
	CU_ASSERT_EQUAL(leases_count(&process), 0);
	run_ms(100);
	check_active(0, 0);
	CU_ASSERT_EQUAL(acquire(CONV, true), OK);
	leases_end();
}

static void
test_lease_survives_flushall(void)
{
	struct slot_holder h = holder(CONV, true), away = holder(CONV, false);
	struct lease *lease;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	lease = lease_start(&process, &h, NULL, NULL);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "FLUSHALL"), OK);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "SCRIPT", "FLUSH"), OK);
	/* and one whose turn was opened while Redis was away */
	lease_start(&process, &away, NULL, NULL);
	run_ms(500);
	check_active(2, 2);
	CU_ASSERT_EQUAL(acquire(CONV, true), E_CONVERSATION_BUSY);
	run_ms(1500);
	check_active(2, 2);
	lease_end(lease);
	run_ms(100);
	check_active(1, 1);
	leases_end();
}

static void
test_many_leases(void)
{
	struct lease *leases[300];

	leases_begin();
	for (int i = 0; i < 300; i++) {
		struct slot_holder h = holder(CONV, false); /* as if opened without Redis */

		leases[i] = lease_start(&process, &h, NULL, NULL);
	}
	run_ms(600);
	check_active(300, 300);
	run_ms(1500);
	check_active(300, 300);
	for (int i = 0; i < 300; i++)
		lease_end(leases[i]);
	run_ms(200);
	check_active(0, 0);
	leases_end();
}

static void
test_fencing(void)
{
	struct slot_holder h = holder(CONV, true);
	struct lease *lease;
	int lost = 0;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	lease = lease_start(&process, &h, on_lost, &lost);
	run_ms(500);
	CU_ASSERT_EQUAL(lost, 0);
	/* stopped past the lease: another run took the conversation meanwhile */
	pause_ms(1100);
	CU_ASSERT_EQUAL(acquire(CONV, true), OK);
	for (int i = 0; i < 16 && lost == 0; i++) /* the next renewal tells; the other's lease must not run out */
		run_ms(50);
	CU_ASSERT_EQUAL(lost, 1);
	run_ms(300); /* told once, however often it is seen */
	CU_ASSERT_EQUAL(lost, 1);
	CU_ASSERT_EQUAL(acquire(CONV, true), E_CONVERSATION_BUSY); /* and what is lost is not renewed */
	lease_end(lease);
	run_ms(50);
	CU_ASSERT_EQUAL(acquire(CONV, true), E_CONVERSATION_BUSY); /* it is the other's still */
	leases_end();
}

static bool
no_lease_left(void *arg)
{
	(void)arg;
	check_active(0, 0);
	return true;
}

static void
test_ended_while_frozen(void)
{
	struct slot_holder h = holder(CONV, true), h2 = holder(CONV, false);
	struct lease *lease, *lease2;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h2), OK);
	lease = lease_start(&process, &h, NULL, NULL);
	lease2 = lease_start(&process, &h2, NULL, NULL);
	redisd_freeze();
	run_ms(400); /* a renewal is stuck in the socket */
	lease_end(lease);
	run_ms(200);
	lease_end(lease2);
	redisd_thaw();
	CU_ASSERT_TRUE(redisd_run(process.reactor, 3000, is_up, NULL));
	run_ms(400);
	no_lease_left(NULL);
	run_ms(1200);
	no_lease_left(NULL);
	leases_end();
}

/* Nobody who asked to hear of it: the lease is lost all the same. */
static void
test_fencing_unheard(void)
{
	struct slot_holder h = holder(CONV, true);
	struct lease *lease;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	lease = lease_start(&process, &h, NULL, NULL);
	pause_ms(1100);
	CU_ASSERT_EQUAL(acquire(CONV, true), OK);
	run_ms(400);
	lease_end(lease);
	run_ms(100);
	CU_ASSERT_EQUAL(acquire(CONV, true), E_CONVERSATION_BUSY);
	leases_end();
}

/* Redis stays away for longer than a lease: what ended meanwhile has run out by
 * itself, and the Redis that comes back hears nothing of it. */
static void
test_ended_while_away(void)
{
	struct slot_holder h = holder(CONV, true);
	struct redis_reply *reply = NULL;
	struct lease *lease;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	lease = lease_start(&process, &h, NULL, NULL);
	redisd_kill();
	run_ms(100);
	lease_end(lease);
	CU_ASSERT_EQUAL(leases_count(&process), 0);
	run_ms(1300);
	redisd_launch();
	CU_ASSERT_TRUE(redisd_run(process.reactor, 3000, is_up, NULL));
	run_ms(300);
	for (int i = 0; i < 200 && redis_call(r, &reply, "INFO", "commandstats") != OK; i++)
		pause_ms(10);
	CU_ASSERT_PTR_NULL(strstr(redis_reply_text(reply, NULL), "cmdstat_eval"));
	redis_reply_free(reply);
	leases_end();
}

static void
test_restart_of_redis(void)
{
	struct slot_holder h = holder(CONV, false);
	struct lease *lease;

	leases_begin();
	CU_ASSERT_EQUAL(slots_acquire(r, redisd_conf, &h), OK);
	lease = lease_start(&process, &h, NULL, NULL);
	redisd_kill();
	run_ms(1000);
	redisd_launch();
	run_ms(3000);
	check_active(1, 1);
	lease_end(lease);
	run_ms(100);
	check_active(0, 0);
	leases_end();
}

/* ---- locks -------------------------------------------------------------------------------- */

static void
test_lock(void)
{
	struct lock a, b;

	begin();
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "sweep", 300, &a), OK);
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "sweep", 300, &b), E_CONFLICT);
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "other", 300, &b), OK);
	pause_ms(200);
	CU_ASSERT_EQUAL(lock_extend(r, &a, 300), OK);
	pause_ms(200);
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "sweep", 300, &b), E_CONFLICT);
	pause_ms(200);
	CU_ASSERT_EQUAL(lock_extend(r, &a, 300), E_CONFLICT); /* too late */
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "sweep", 10000, &b), OK);
	lock_release(r, &a); /* no longer ours: the other keeps it */
	CU_ASSERT_EQUAL(lock_extend(r, &a, 300), E_CONFLICT);
	CU_ASSERT_EQUAL(lock_extend(r, &b, 10000), OK);
	lock_release(r, &b);
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "sweep", 300, &a), OK);
}

static void
test_lock_without_redis(void)
{
	struct lock a, none;

	begin();
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "sweep", 10000, &a), OK);
	memset(&none, 0, sizeof(none));
	redisd_freeze();
	CU_ASSERT_EQUAL(lock_extend(r, &a, 10000), E_UNAVAILABLE);
	CU_ASSERT_EQUAL(lock_acquire(r, redisd_conf, "other", 10000, &none), E_UNAVAILABLE);
	CU_ASSERT_EQUAL(none.key[0], '\0'); /* untouched */
	redisd_thaw();
	begin();
}

static enum status
guard(const char *agent, const char *project, const char *id, char existing[UUID_LEN])
{
	return duplicate_guard(r, NULL, redisd_conf, USER, agent, project, id, existing);
}

static void
test_duplicate_guard(void)
{
	char existing[UUID_LEN] = "", agent[UUID_LEN];

	begin();
	snprintf(agent, sizeof(agent), "%s", conv(7));
	CU_ASSERT_EQUAL(guard(agent, "p", CONV, existing), OK);
	CU_ASSERT_EQUAL(guard(agent, "p", conv(1), existing), E_DUPLICATE_CONVERSATION);
	CU_ASSERT_STRING_EQUAL(existing, CONV);
	CU_ASSERT_EQUAL(guard(agent, "q", conv(2), existing), OK);
	CU_ASSERT_EQUAL(guard(agent, NULL, conv(3), existing), OK);
	CU_ASSERT_EQUAL(guard(NULL, "p", conv(4), existing), OK);
	CU_ASSERT_EQUAL(guard(NULL, NULL, conv(5), existing), OK);
	CU_ASSERT_EQUAL(guard(NULL, NULL, conv(6), existing), OK);   /* plain chats may be many */
	duplicate_forget(r, redisd_conf, USER, agent, "p", conv(1)); /* another's id: nothing */
	CU_ASSERT_EQUAL(guard(agent, "p", conv(1), existing), E_DUPLICATE_CONVERSATION);
	duplicate_forget(r, redisd_conf, USER, agent, "p", CONV);
	CU_ASSERT_EQUAL(guard(agent, "p", conv(1), existing), OK);
}

static void
test_duplicate_guard_off(void)
{
	struct conf off = *redisd_conf;
	char existing[UUID_LEN] = "";

	begin();
	off.limits_duplicate_window = 0;
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(duplicate_guard(r, NULL, &off, USER, NULL, "p", conv(i), existing), OK);
	CU_ASSERT_EQUAL(guard(NULL, "p", conv(2), existing), OK); /* nor was anything remembered */
	duplicate_forget(r, redisd_conf, USER, NULL, NULL, conv(2));
	CU_ASSERT_EQUAL(guard(NULL, "p", conv(3), existing), E_DUPLICATE_CONVERSATION);
	CU_ASSERT_STRING_EQUAL(existing, conv(2));
}

static CU_TestInfo slot_tests[] = {
	{ "15 per user, 5 per conversation, all or nothing", test_fifteen_and_five },
	{ "a dead owner's slots are free after one lease", test_a_dead_owner_frees },
	{ "agents: the conversation's lock, three conversations", test_agents },
	{ "without Redis the caller is told", test_without_redis },
	{ "1,000 at once: exactly 15, at most 5", test_race },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo lease_tests[] = {
	{ "renewed while alive, released at the end", test_lease_is_renewed_and_released },
	{ "FLUSHALL, and turns opened without Redis", test_lease_survives_flushall },
	{ "hundreds of them", test_many_leases },
	{ "a holder stopped past its lease is fenced off", test_fencing },
	{ "ended while Redis was frozen: not brought back", test_ended_while_frozen },
	{ "fenced off with nobody to tell", test_fencing_unheard },
	{ "ended while Redis was away for long: forgotten", test_ended_while_away },
	{ "Redis restarts", test_restart_of_redis },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo lock_tests[] = {
	{ "taken once, extended, lost, released", test_lock },
	{ "not without Redis", test_lock_without_redis },
	{ "the duplicate guard", test_duplicate_guard },
	{ "the duplicate guard, off", test_duplicate_guard_off },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "slots", set_up, tear_down, NULL, NULL, slot_tests },
	{ "leases", set_up, tear_down, NULL, NULL, lease_tests },
	{ "locks", set_up, tear_down, NULL, NULL, lock_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
