/* catalog/select: who is a candidate, in which order, and why others are not. */
#include <stdlib.h>
#include <string.h>

#include "catalog/select.h"
#include "core/process.h"
#include "tap.h"

#define CHANNELS 4

static struct arena *arena;
static struct context cx;
static struct process process;
static atomic_uint turns[CHANNELS + 1];
static struct offer_key keys[CHANNELS][40];
static struct offer_account accounts[CHANNELS];
static struct offer_channel channels[CHANNELS];
static struct offer_model model;
static struct health_view views[CHANNELS * 10 + 60]; /* by the id of a key */

/* In place of the library's: how keys fare is what a test says. */
void
health_read(const struct health *h, int64_t channel_id, int64_t key_id, struct health_view *out)
{
	(void)h;
	(void)channel_id;
	*out = views[key_id];
}

/* A B (priority 9), C D (priority 1), each with two keys: 11 12, 21 22, … */
static void
set_up(void)
{
	static const char *const names[] = { "A", "B", "C", "D" };

	arena = arena_new(4096, 16 << 20);
	cx = (struct context){ .arena = arena, .process = &process, .caller = { .user_id = "u", .group = "default" } };
	for (size_t i = 0; i < CHANNELS; i++) {
		for (size_t k = 0; k < 40; k++)
			keys[i][k] = (struct offer_key){ .id = (int64_t)((i + 1) * 10 + k + 1),
				.name = "k",
				.key = "s",
				.status = "active",
				.is_active = true,
				.weight = 1 };
		atomic_store(&turns[i], 0);
		accounts[i] = (struct offer_account){ .id = (int64_t)i + 1,
			.name = names[i],
			.region = "",
			.keys = keys[i],
			.n_keys = 2,
			.has_keys = true,
			.turn = &turns[i] };
		channels[i] = (struct offer_channel){ .id = (int64_t)i + 1,
			.name = names[i],
			.priority = i < 2 ? 9 : 1,
			.weight = 1,
			.account = &accounts[i] };
	}
	memset(views, 0, sizeof(views));
	atomic_store(&turns[CHANNELS], 0);
	model = (struct offer_model){ .name = "m",
		.strategy = STRATEGY_ROUND_ROBIN,
		.channels = channels,
		.n_channels = CHANNELS,
		.turn = &turns[CHANNELS] };
}

static void
tear_down(void)
{
	arena_free(arena);
}

/* The candidates as their keys' ids, "0" for one without a key. */
static const char *
chosen(const struct select_ask *ask)
{
	const struct offer_model *m = select_candidates(&cx, ask);
	const char *out = "";

	for (size_t i = 0; i < m->n_channels; i++)
		out = arena_printf(arena, "%s%s%lld", out, i > 0 ? " " : "", (long long)m->channels[i].key_id);
	return out;
}

static const char *
chosen_plainly(void)
{
	return chosen(&(struct select_ask){ .model = &model });
}

static enum select_why
why_of(const struct select_ask *ask, int64_t channel_id, int64_t key_id)
{
	size_t n;
	struct select_place *places = select_explain(&cx, ask, &n);

	for (size_t i = 0; i < n; i++)
		if (places[i].channel->id == channel_id && (places[i].key == NULL ? 0 : places[i].key->id) == key_id)
			return places[i].why;
	CU_FAIL("it has no place");
	return SELECT_BEYOND;
}

static void
test_order(void)
{
	CU_ASSERT_STRING_EQUAL(chosen_plainly(), "11 12 21 22 31 32 41 42");
	/* the other channel's turn; and its keys had none yet */
	CU_ASSERT_STRING_EQUAL(chosen_plainly(), "21 22 12 11 41 42 31 32");
	CU_ASSERT_STRING_EQUAL(chosen_plainly(), "12 11 22 21 31 32 41 42");
	CU_ASSERT_STRING_EQUAL(chosen_plainly(), "22 21 11 12 41 42 31 32");
}

static void
test_explain_agrees(void)
{
	struct select_ask ask = { .model = &model };

	keys[1][0] = (struct offer_key){ .id = 21, .name = "k", .status = "off", .weight = 1 };
	accounts[3].groups = (const char *const[]){ "vip", NULL };
	for (int turn = 0; turn < 12; turn++) {
		const char *told = "", *found;
		size_t n;
		struct select_place *places = select_explain(&cx, &ask, &n);

		for (size_t i = 0; i < n && places[i].why == SELECT_CANDIDATE; i++)
			told = arena_printf(arena, "%s%s%lld", told, i > 0 ? " " : "", (long long)places[i].key->id);
		CU_ASSERT_EQUAL(n, 7);
		found = chosen(&ask);
		CU_ASSERT_STRING_EQUAL(told, found);
	}
	CU_ASSERT_EQUAL(why_of(&ask, 2, 21), SELECT_KEY_OFF);
	CU_ASSERT_EQUAL(why_of(&ask, 4, 0), SELECT_GROUP);
}

static void
test_left_out(void)
{
	static const struct select_key tried[] = { { 1, 11 }, { 2, 22 } };
	struct select_ask ask = { .model = &model, .tried = tried, .n_tried = 2 };

	CU_ASSERT_STRING_EQUAL(chosen(&ask), "12 21 31 32 41 42");
	CU_ASSERT_EQUAL(why_of(&ask, 1, 11), SELECT_TRIED);
	keys[1][0].status = "disabled";
	keys[1][0].is_active = false;
	CU_ASSERT_EQUAL(why_of(&ask, 2, 21), SELECT_KEY_DISABLED);
	channels[2].is_blacklisted = true;
	CU_ASSERT_EQUAL(why_of(&ask, 3, 0), SELECT_BLACKLISTED);
	accounts[3].n_keys = 0; /* none could be opened */
	CU_ASSERT_EQUAL(why_of(&ask, 4, 0), SELECT_NO_KEY);
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "12");
	ask.n_tried = 0;
	keys[0][0] = keys[0][1];
	keys[0][0].id = 11;
	keys[0][0].weight = 0; /* the last of its channel */
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "12 11 22");
}

static void
test_groups_and_regions(void)
{
	struct select_ask ask = { .model = &model };

	accounts[0].groups = (const char *const[]){ "vip", "staff", NULL };
	accounts[1].region = "us";
	accounts[2].region = "eu";
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "21 22 31 32 41 42");
	cx.caller.group = "staff";
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "22 21 11 12 41 42 31 32");
	cx.caller.group = NULL;
	ask.group = "vip";
	ask.region = "eu";
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "11 12 31 32 41 42");
	CU_ASSERT_EQUAL(why_of(&ask, 2, 0), SELECT_REGION);
	CU_ASSERT_TRUE(select_reaches(&cx, &model));
	for (size_t i = 0; i < CHANNELS; i++)
		accounts[i].groups = (const char *const[]){ "vip", NULL };
	CU_ASSERT_FALSE(select_reaches(&cx, &model));
}

static void
test_strategy_of_a_group(void)
{
	static const struct offer_group_strategy own[] = { { "vip", STRATEGY_CONSISTENT_HASH } };
	struct select_ask ask = { .model = &model };

	model.group_strategies = own;
	model.n_group_strategies = 1;
	CU_ASSERT_EQUAL(select_strategy(&cx, &ask), STRATEGY_ROUND_ROBIN);
	ask.group = "vip";
	CU_ASSERT_EQUAL(select_strategy(&cx, &ask), STRATEGY_CONSISTENT_HASH);
	for (int i = 0; i < 20; i++) /* the caller's own */
		CU_ASSERT_STRING_EQUAL(chosen(&ask), chosen(&ask));
}

/* A session stays with a channel and a key while they are there, and comes back to them. */
static void
test_affinity(void)
{
	unsigned first[3] = { 0 };
	char session[32];

	for (int i = 0; i < 400; i++) {
		struct select_ask ask = { .model = &model, .affinity = session };
		const char *at, *elsewhere;
		struct offer_key *key;

		snprintf(session, sizeof(session), "s%d", i);
		at = chosen(&ask);
		CU_ASSERT_STRING_EQUAL(chosen(&ask), at);
		first[at[0] - '0']++;
		key = &keys[at[0] - '1'][at[1] - '1'];
		key->is_active = false;
		elsewhere = chosen(&ask);
		CU_ASSERT_EQUAL(elsewhere[0], at[0]); /* the other key of its channel */
		CU_ASSERT_NOT_EQUAL(elsewhere[1], at[1]);
		key->is_active = true;
		CU_ASSERT_STRING_EQUAL(chosen(&ask), at);
	}
	CU_ASSERT_EQUAL(first[1] + first[2], 400); /* the priority comes before it */
	CU_ASSERT_TRUE(first[1] > 120 && first[2] > 120);
}

static void
test_pin(void)
{
	struct select_ask ask = { .model = &model, .pin = { 3, 32 } };
	struct offer_model *out = NULL;

	accounts[2].groups = (const char *const[]){ "vip", NULL };
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "32");
	CU_ASSERT_EQUAL(why_of(&ask, 3, 31), SELECT_NOT_PINNED);
	CU_ASSERT_EQUAL(select_some(&cx, &ask, &out), OK);
	keys[2][1].is_active = false;
	CU_ASSERT_EQUAL(select_some(&cx, &ask, &out), E_ROUTE_UNAVAILABLE);
	ask.pin.key_id = 99;
	CU_ASSERT_EQUAL(select_some(&cx, &ask, &out), E_ROUTE_GONE);
	ask.pin = (struct select_key){ 99, 0 };
	CU_ASSERT_EQUAL(select_some(&cx, &ask, &out), E_ROUTE_GONE);
	ask.pin = (struct select_key){ 0, 0 };
	for (size_t i = 0; i < CHANNELS; i++)
		channels[i].is_blacklisted = true;
	CU_ASSERT_EQUAL(select_some(&cx, &ask, &out), E_UNAVAILABLE);
}

static void
test_no_key_needed(void)
{
	accounts[0].n_keys = 0;
	accounts[0].has_keys = false;
	model.n_channels = 1;
	CU_ASSERT_STRING_EQUAL(chosen_plainly(), "0");
	model.n_channels = 0;
	CU_ASSERT_STRING_EQUAL(chosen_plainly(), "");
}

/* Who is open waits for better times; who is off is never asked. */
static void
test_breakers(void)
{
	struct select_ask ask = { .model = &model };

	views[11].state = HEALTH_OPEN;
	views[21].state = HEALTH_OFF;
	views[31].state = HEALTH_HALF_OPEN;
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "12 22 31 32 41 42");
	CU_ASSERT_EQUAL(why_of(&ask, 1, 11), SELECT_OPEN);
	CU_ASSERT_EQUAL(why_of(&ask, 2, 21), SELECT_KEY_OFF);
	for (size_t i = 0; i < CHANNELS; i++)
		for (size_t k = 1; k <= 2; k++)
			if (views[(i + 1) * 10 + k].state != HEALTH_OFF)
				views[(i + 1) * 10 + k].state = HEALTH_OPEN;
	atomic_store(&turns[CHANNELS], 0);
	CU_ASSERT_EQUAL(strlen(chosen(&ask)), strlen("11 12 22 31 32 41 42"));
	CU_ASSERT_PTR_NULL(strstr(chosen(&ask), "21"));
	ask.pin = (struct select_key){ 1, 11 };
	CU_ASSERT_STRING_EQUAL(chosen(&ask), "");
}

/* An affinity passes by what is open, and comes back. */
static void
test_affinity_and_breakers(void)
{
	for (int i = 0; i < 50; i++) {
		char session[32];
		struct select_ask ask = { .model = &model, .affinity = session };
		const char *at;
		int key;

		snprintf(session, sizeof(session), "s%d", i);
		at = chosen(&ask);
		key = atoi(at);
		views[key].state = HEALTH_OPEN;
		CU_ASSERT_NOT_EQUAL(atoi(chosen(&ask)), key);
		views[key].state = HEALTH_CLOSED;
		CU_ASSERT_STRING_EQUAL(chosen(&ask), at);
	}
}

/* A channel fares as the best of its keys, and that one is asked first. */
static void
test_by_health(void)
{
	static const int first_byte_ms[] = { [11] = 900, [12] = 500, [21] = 400, [22] = 700, [31] = 1, [32] = 1 };
	static const int errors[] = { [11] = 10, [12] = 30, [21] = 20, [22] = 20 };

	for (size_t i = 11; i <= 32; i++) {
		views[i].calls = 10;
		views[i].first_byte_ms = first_byte_ms[i];
		views[i].errors_per_mille = i <= 22 ? errors[i] : 0;
	}
	model.strategy = STRATEGY_LOWEST_LATENCY;
	CU_ASSERT_EQUAL(
	    strncmp(chosen_plainly(), "21 22 12 11 4", 13), 0); /* then, of the next priority, who was never asked */
	model.strategy = STRATEGY_LEAST_ERRORS;
	CU_ASSERT_EQUAL(strncmp(chosen_plainly(), "11 12 2", 7), 0);
}

/* Many keys: a channel does not take all places, and there is an end. */
static void
test_bounds(void)
{
	struct select_ask ask = { .model = &model };
	const struct offer_model *m;
	size_t n, beyond = 0;
	struct select_place *places;

	for (size_t i = 0; i < CHANNELS; i++)
		accounts[i].n_keys = 40;
	m = select_candidates(&cx, &ask);
	CU_ASSERT_EQUAL(m->n_channels, SELECT_CANDIDATES_MAX);
	CU_ASSERT_EQUAL(m->channels[SELECT_KEYS_MAX - 1].id, 1);
	CU_ASSERT_EQUAL(m->channels[SELECT_KEYS_MAX].id, 2);
	places = select_explain(&cx, &ask, &n);
	CU_ASSERT_EQUAL(n, 160);
	for (size_t i = 0; i < n; i++)
		beyond += places[i].why == SELECT_BEYOND;
	CU_ASSERT_EQUAL(beyond, 160 - SELECT_CANDIDATES_MAX);
}

static CU_TestInfo tests[] = {
	{ "priority, then turns; each key is a candidate", test_order },
	{ "what is explained is what happens", test_explain_agrees },
	{ "tried, taken out, blacklisted, without a key", test_left_out },
	{ "groups and regions", test_groups_and_regions },
	{ "a group has a strategy of its own", test_strategy_of_a_group },
	{ "affinity", test_affinity },
	{ "a pin", test_pin },
	{ "breakers: open ones wait, refused keys are not asked", test_breakers },
	{ "affinity and breakers", test_affinity_and_breakers },
	{ "least errors, lowest latency", test_by_health },
	{ "channels that need no key", test_no_key_needed },
	{ "no more than are tried", test_bounds },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "select", NULL, NULL, set_up, tear_down, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
