/* engine/flight: slots, what is noted, what is left when a process is killed at any point. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tokens.h"
#include "engine/flight.h"
#include "engine/measure.h"
#include "tap.h"

#define SLOTS 200
#define ID "01900000-0000-7000-8000-000000000001"

static char folder[] = "/tmp/weir-flight-XXXXXX", board[64];
static struct conf conf;

static int
set_up(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(board, sizeof(board), "%s/board", folder);
	conf.server_scoreboard = board;
	return 0;
}

static int
tear_down(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Files in the folder that bear a process' name. */
static int
count_files(void)
{
	char path[96];
	struct dirent *e;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s.flights", board);
	if ((dir = opendir(path)) == NULL)
		return -1;
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static bool
is_locked(void)
{
	char path[160];
	bool locked;
	int fd;

	snprintf(path, sizeof(path), "%s.flights/" ID, board);
	fd = open(path, O_RDWR);
	locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
	close(fd);
	return locked;
}

static void
test_slots(void)
{
	struct flights *f = flights_open(&conf, ID, SLOTS);
	struct flight *all[SLOTS];

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(count_files(), 1);
	CU_ASSERT(is_locked());
	for (int i = 0; i < SLOTS; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(all[i] = flight_new(f));
		for (int k = 0; k < i; k++)
			CU_ASSERT_FATAL(all[k] != all[i]);
		flight_publish(all[i]);
	}
	CU_ASSERT_PTR_NULL(flight_new(f));
	flight_free(f, all[17]);
	CU_ASSERT_EQUAL(atomic_load(&all[17]->state), FLIGHT_FREE);
	CU_ASSERT_PTR_EQUAL(flight_new(f), all[17]);
	for (int i = 0; i < SLOTS; i++)
		flight_free(f, all[i]);
	flights_close(f);
	CU_ASSERT_EQUAL(count_files(), 0);
}

static void
note(struct flight *flight, enum piece_kind kind, const char *text, const char *name)
{
	flight_note(flight, &(struct piece){ .kind = kind, .text = text, .len = strlen(text), .name = name }, 9);
}

static void
test_notes(void)
{
	struct flights *f = flights_open(&conf, ID, SLOTS);
	struct flight *flight = flight_new(f);
	struct price_step steps[] = {
		{ METER_INPUT, 0, 1000000, 1000000, 0 },
		{ METER_OUTPUT, 0, 2000000, 1000000, 0 },
		{ METER_CALL, 0, 5, 1, 0 },
	};
	struct price price = { RATIO_ONE, 3, steps };
	struct usage u;
	int64_t overrun_ucr;

	flight->prompt_tokens = 11;
	flight_set_price(flight, "vip", &price);
	CU_ASSERT_STRING_EQUAL(flight->user_group, "vip");
	flight->ceiling_ucr = 60;
	flight_publish(flight);
	u = flight_usage(flight);
	CU_ASSERT(u.input_tokens == 0 && u.output_tokens == 0);
	CU_ASSERT_EQUAL(flight_cost_ucr(flight, &u, &overrun_ucr), 0); /* not even the price of a call */
	note(flight, PIECE_TEXT, "Hell", NULL);
	note(flight, PIECE_REASONING, "o", NULL);
	note(flight, PIECE_SIGNATURE, "sealed sealed sealed sealed", NULL);
	u = flight_usage(flight);
	CU_ASSERT_EQUAL(u.input_tokens, 11);
	CU_ASSERT_EQUAL(u.output_tokens, tokens_estimate("Hello", 5)); /* as of the whole, however it was cut */
	CU_ASSERT(u.estimated);
	CU_ASSERT_EQUAL(atomic_load(&flight->channel_id), 9);
	CU_ASSERT_EQUAL(flight_cost_ucr(flight, &u, &overrun_ucr), 11 + 2 * 2 + 5);
	CU_ASSERT_EQUAL(overrun_ucr, 0);
	note(flight, PIECE_CALL, "{}", "tool");
	note(flight, PIECE_CALL, " ", NULL);
	u = flight_usage(flight);
	CU_ASSERT_EQUAL(u.output_tokens, 2 + MEASURE_CALL_TOKENS);
	flight->ceiling_ucr = 20;
	CU_ASSERT_EQUAL(flight_cost_ucr(flight, &u, &overrun_ucr), 20); /* never more than was held */
	CU_ASSERT_EQUAL(overrun_ucr, 11 + 2 * (2 + MEASURE_CALL_TOKENS) + 5 - 20);
	flight_publish(flight); /* the slot of another */
	u = flight_usage(flight);
	CU_ASSERT_EQUAL(u.output_tokens, 0);
	flight_free(f, flight);
	flights_close(f);
}

/* What does not fit takes a hold. */
static void
test_fits(void)
{
	struct price_step steps[FLIGHT_STEPS_MAX + 1] = { { METER_INPUT, 0, 1, 1, 0 } };
	struct price price = { RATIO_ONE, FLIGHT_STEPS_MAX, steps };
	char name[FLIGHT_GROUP_BYTES + 1];

	CU_ASSERT(flight_fits("default", &price));
	price.n++;
	CU_ASSERT(!flight_fits("default", &price));
	price.n = 0;
	memset(name, 'g', FLIGHT_GROUP_BYTES);
	name[FLIGHT_GROUP_BYTES] = '\0';
	CU_ASSERT(!flight_fits(name, &price));
	name[FLIGHT_GROUP_BYTES - 1] = '\0';
	CU_ASSERT(flight_fits(name, &price));
	CU_ASSERT(!flight_fits("default", NULL));
}

/* A process that is killed leaves its file, without the lock; one that leaves calls unsettled too. */
static void
test_killed(void)
{
	struct flights *f;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		f = flights_open(&conf, ID, SLOTS);
		flight_publish(flight_new(f));
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(count_files(), 1);
	CU_ASSERT(!is_locked());
	CU_ASSERT_PTR_NOT_NULL_FATAL(f = flights_open(&conf, "01900000-0000-7000-8000-000000000002", SLOTS));
	flight_publish(flight_new(f));
	flights_close(f);
	CU_ASSERT_EQUAL(count_files(), 2);
}

static void
test_nowhere(void)
{
	struct conf none = { .server_scoreboard = "" }, missing = { .server_scoreboard = "/nowhere/at/all" };

	CU_ASSERT_PTR_NULL(flights_open(&none, ID, SLOTS));
	CU_ASSERT_PTR_NULL(flights_open(&missing, ID, SLOTS));
	CU_ASSERT_PTR_NULL(flight_new(NULL));
	flights_close(NULL);
}

static CU_TestInfo tests[] = {
	{ "slots, each once, used again", test_slots },
	{ "what is delivered, and what it comes to", test_notes },
	{ "what fits", test_fits },
	{ "what is left of the dead", test_killed },
	{ "no place for it", test_nowhere },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "flight", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
