/* core/scoreboard: counting across processes, folding, the file; core/score_report. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "score/board.h"
#include "score/pairs.h"
#include "ops/report.h"
#include "io/sockdiag.h"
#include "tap.h"

static const char *const table[] = { "h_a", "h_b", NULL };

static char folder[] = "/tmp/weir-scoreboard-XXXXXX";
static char path[64];

static int
make_folder(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/board", folder);
	return 0;
}

static int
remove_folder(void)
{
	unlink(path);
	return rmdir(folder);
}

/* Run fn in a child process and wait for its end. */
static int
in_child(void (*fn)(struct scoreboard *), struct scoreboard *board)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fn(board);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static const struct score_route *
route_of(const struct score_snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->n_routes; i++)
		if (strcmp(s->routes[i].name, name) == 0)
			return &s->routes[i];
	return NULL;
}

static void
test_counting(void)
{
	struct scoreboard *board = scoreboard_open("", 4, NULL);
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);
	struct score_snapshot *s;

	scoreboard_state(slot, SLOT_READY);
	score_request(slot, 0, 200, 900);
	score_request(slot, 0, 503, 3000000);
	score_request(slot, 1, 404, 1000);
	score_request(slot, SCORE_NO_ROUTE, 404, 10);
	score_request(slot, 99, 200, 10); /* beyond the table */
	score_request(slot, 1, 42, -5);	  /* nonsense is counted, not believed */
	score_add(slot, SCORE_TOKENS_OUT, 600);
	score_set(slot, SCORE_WORKERS, 4);
	score_add(slot, SCORE_WORKERS_BUSY, 2);
	score_add(slot, SCORE_WORKERS_BUSY, -1);
	score_peak(slot, SCORE_QUEUE_MAX, 7);
	score_peak(slot, SCORE_QUEUE_MAX, 3);
	score_observe_first_token(slot, 400000);
	score_request(NULL, 0, 200, 1); /* no slot counts nothing */
	score_add(NULL, SCORE_ACCEPTED, 1);

	s = scoreboard_snapshot(board);
	CU_ASSERT_EQUAL(s->requests, 6);
	CU_ASSERT_EQUAL(s->errors, 1);
	CU_ASSERT_EQUAL(route_of(s, "h_a")->by_class[2], 1);
	CU_ASSERT_EQUAL(route_of(s, "h_a")->by_class[5], 1);
	CU_ASSERT_EQUAL(route_of(s, "h_a")->latency.buckets[0], 1);
	CU_ASSERT_EQUAL(route_of(s, "h_a")->latency.buckets[11], 1);
	CU_ASSERT_EQUAL(route_of(s, "h_a")->latency.sum_us, 3000900);
	CU_ASSERT_EQUAL(route_of(s, "h_b")->by_class[0], 1);
	CU_ASSERT_EQUAL(route_of(s, "h_b")->latency.buckets[0], 2); /* 1 ms is within the first */
	CU_ASSERT_EQUAL(route_of(s, "none")->by_class[4], 1);
	CU_ASSERT_EQUAL(route_of(s, "other")->by_class[2], 1);
	CU_ASSERT_EQUAL(s->values[SCORE_TOKENS_OUT], 600);
	CU_ASSERT_EQUAL(s->values[SCORE_WORKERS_BUSY], 1);
	CU_ASSERT_EQUAL(s->values[SCORE_QUEUE_MAX], 7);
	CU_ASSERT_EQUAL(s->first_token.count, 1);
	CU_ASSERT_EQUAL(s->first_token.buckets[5], 1);
	CU_ASSERT_EQUAL(s->n_processes, 1);
	CU_ASSERT_EQUAL(s->processes[0].pid, getpid());
	CU_ASSERT_EQUAL(s->processes[0].requests, 6);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 0);
	score_snapshot_free(s);
	scoreboard_leave(slot);
	scoreboard_close(board);
}

static void
child_counts_and_leaves(struct scoreboard *board)
{
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);

	score_request(slot, 1, 200, 100);
	score_add(slot, SCORE_ACCEPTED, 3);
	score_set(slot, SCORE_STREAMS_OPEN, 9);
	score_peak(slot, SCORE_QUEUE_MAX, 5);
	scoreboard_leave(slot);
}

static void
child_counts_and_dies(struct scoreboard *board)
{
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);

	score_request(slot, 1, 200, 100);
	score_add(slot, SCORE_ACCEPTED, 3);
	score_set(slot, SCORE_STREAMS_OPEN, 9);
	score_peak(slot, SCORE_QUEUE_MAX, 8);
	raise(SIGKILL);
}

static void
test_folding(void)
{
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	struct score_snapshot *s;

	/* more processes than slots, one after the other: none may be lost */
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(in_child(child_counts_and_leaves, board), 0);
		CU_ASSERT_TRUE(WIFSIGNALED(in_child(child_counts_and_dies, board)));
	}
	s = scoreboard_snapshot(board);
	CU_ASSERT_EQUAL(s->requests, 10);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 30);
	CU_ASSERT_EQUAL(s->values[SCORE_STREAMS_OPEN], 0); /* the dead have no streams */
	CU_ASSERT_EQUAL(s->values[SCORE_QUEUE_MAX], 8);
	CU_ASSERT_EQUAL(s->n_processes, 0);
	score_snapshot_free(s);
	scoreboard_close(board);
}

static void
test_master_gives_slots(void)
{
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	int a = scoreboard_reserve(board), b = scoreboard_reserve(board);
	struct scoreboard_slot *slot;
	struct score_snapshot *s;

	CU_ASSERT_TRUE(a >= 0 && b >= 0 && a != b);
	CU_ASSERT_EQUAL(scoreboard_reserve(board), -1);
	CU_ASSERT_PTR_NULL(scoreboard_join(board, -1, NULL)); /* full */
	slot = scoreboard_join(board, a, table);
	score_add(slot, SCORE_ACCEPTED, 1);
	scoreboard_retire(board, a);
	scoreboard_retire(board, a); /* twice is once */
	scoreboard_retire(board, -1);
	CU_ASSERT_EQUAL(scoreboard_reserve(board), a);
	scoreboard_set_pool(
	    board, &(struct scoreboard_pool){ .master = getpid(), .processes = 2, .respawns = 3, .listen_queue = -1 });
	s = scoreboard_snapshot(board);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 1);
	CU_ASSERT_EQUAL(s->pool.respawns, 3);
	CU_ASSERT_EQUAL(s->pool.listen_queue, -1);
	score_snapshot_free(s);
	free(slot);
	scoreboard_close(board);
}

static void
test_file_is_shared(void)
{
	char why[256] = "x";
	struct scoreboard *mine = scoreboard_open(path, 4, why), *theirs, *view;
	struct scoreboard_slot *slot = scoreboard_join(mine, -1, table);
	struct score_snapshot *s;
	struct stat st;

	CU_ASSERT_STRING_EQUAL(why, "");
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777 & ~0640u, 0);
	score_add(slot, SCORE_ACCEPTED, 1);
	theirs = scoreboard_open(path, 99, NULL); /* a living board is joined, whatever the size asked for */
	in_child(child_counts_and_leaves, theirs);
	view = scoreboard_view(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(view);
	s = scoreboard_snapshot(view);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 4);
	score_snapshot_free(s);
	scoreboard_leave(slot);
	scoreboard_close(theirs);
	scoreboard_close(mine);

	/* nobody lives: the next one starts from zero, the old view is undisturbed */
	mine = scoreboard_open(path, 4, NULL);
	s = scoreboard_snapshot(mine);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 0);
	score_snapshot_free(s);
	s = scoreboard_snapshot(view);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 4);
	score_snapshot_free(s);
	scoreboard_close(view);
	scoreboard_close(mine);
}

#define STARTERS 12

/* Open and join without a word to each other: all must meet on one board. */
static void
test_many_starters(void)
{
	struct score_snapshot *s;
	struct scoreboard *view;
	int go[2], done[2], status;
	char byte;

	unlink(path);
	CU_ASSERT_EQUAL(pipe(go), 0);
	CU_ASSERT_EQUAL(pipe(done), 0);
	for (int i = 0; i < STARTERS; i++)
		if (fork() == 0) {
			struct scoreboard_slot *slot;

			close(go[1]);
			slot = scoreboard_join(scoreboard_open(path, 64, NULL), -1, table);
			score_request(slot, i & 1, 200, 1);
			if (slot == NULL || write(done[1], "d", 1) != 1)
				_exit(1);
			_exit(read(go[0], &byte, 1) == 0 ? 0 : 1); /* live until all are counted */
		}
	for (int i = 0; i < STARTERS; i++)
		CU_ASSERT_EQUAL(read(done[0], &byte, 1), 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(view = scoreboard_view(path));
	s = scoreboard_snapshot(view);
	CU_ASSERT_EQUAL(s->n_processes, STARTERS);
	CU_ASSERT_EQUAL(route_of(s, "h_a")->by_class[2], STARTERS / 2);
	CU_ASSERT_EQUAL(route_of(s, "h_b")->by_class[2], STARTERS / 2);
	CU_ASSERT_EQUAL(s->n_routes, 4); /* two names, each once; none; other */
	score_snapshot_free(s);
	scoreboard_close(view);
	close(go[1]);
	while (wait(&status) > 0)
		CU_ASSERT_EQUAL(status, 0);
	close(go[0]);
	close(done[0]);
	close(done[1]);
}

static void
test_bad_files(void)
{
	char why[256], link[80];
	struct scoreboard *board;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CU_ASSERT_EQUAL(write(fd, "not a board", 11), 11);
	close(fd);
	errno = 0;
	CU_ASSERT_PTR_NULL(scoreboard_view(path));
	CU_ASSERT_EQUAL(errno, ESTALE);
	board = scoreboard_open(path, 2, why); /* replaced by a good one */
	CU_ASSERT_STRING_EQUAL(why, "");
	scoreboard_close(board);
	CU_ASSERT_PTR_NOT_NULL(board = scoreboard_view(path));
	scoreboard_close(board);

	board = scoreboard_open("/nonexistent/board", 2, why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent/board"));
	CU_ASSERT_TRUE(scoreboard_reserve(board) >= 0); /* it counts all the same */
	scoreboard_close(board);

	snprintf(link, sizeof(link), "%s/link", folder);
	CU_ASSERT_EQUAL(symlink(path, link), 0);
	board = scoreboard_open(link, 2, why); /* no following of links */
	CU_ASSERT_STRING_NOT_EQUAL(why, "");
	scoreboard_close(board);
	unlink(link);
}

static void
child_attaches(struct scoreboard *board)
{
	struct scoreboard *same = scoreboard_attach(dup(scoreboard_fd(board)));
	struct scoreboard_slot *slot = same == NULL ? NULL : scoreboard_join(same, 1, table);

	score_add(slot, SCORE_ACCEPTED, 7);
	scoreboard_leave(slot);
	if (scoreboard_attach(open("/dev/null", O_RDWR)) != NULL)
		_exit(1);
}

static void
test_attach(void)
{
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	struct score_snapshot *s;

	CU_ASSERT_EQUAL(scoreboard_reserve(board), 0);
	CU_ASSERT_EQUAL(scoreboard_reserve(board), 1);
	CU_ASSERT_EQUAL(in_child(child_attaches, board), 0);
	s = scoreboard_snapshot(board);
	CU_ASSERT_EQUAL(s->values[SCORE_ACCEPTED], 7);
	score_snapshot_free(s);
	scoreboard_close(board);
}

#define ADDS 20000

static void *
add_many(void *arg)
{
	for (int i = 0; i < ADDS; i++) {
		score_add(arg, SCORE_TOKENS_OUT, 1);
		score_request(arg, i & 1, 200, i);
	}
	return NULL;
}

static void
test_threads(void)
{
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);
	struct score_snapshot *s;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, add_many, slot);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	s = scoreboard_snapshot(board);
	CU_ASSERT_EQUAL(s->values[SCORE_TOKENS_OUT], 4 * ADDS);
	CU_ASSERT_EQUAL(s->requests, 4 * ADDS);
	score_snapshot_free(s);
	scoreboard_leave(slot);
	scoreboard_close(board);
}

/* ---- reports ---- */

static void
test_metrics(void)
{
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);
	struct score_snapshot *s;
	struct buf text = BUF_INIT(0);

	score_request(slot, 0, 200, 1500);
	score_set(slot, SCORE_REACTOR_BUSY_US, 2500000);
	s = scoreboard_snapshot(board);
	score_metrics(s, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text), "weir_requests_total{route=\"h_a\",status=\"2xx\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(buf_str(&text), "weir_request_duration_seconds_bucket{route=\"h_a\",le=\"0.001\"} 0\n"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(buf_str(&text), "weir_request_duration_seconds_bucket{route=\"h_a\",le=\"0.0025\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(buf_str(&text), "weir_request_duration_seconds_bucket{route=\"h_a\",le=\"+Inf\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text), "weir_request_duration_seconds_sum{route=\"h_a\"} 0.001500\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text), "weir_request_duration_seconds_count{route=\"h_a\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text), "\nweir_reactor_busy_seconds_total 2.500000\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text), "\nweir_first_token_seconds_sum 0.000000\n"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&text), "h_b")); /* never asked for */
	buf_free(&text);
	score_snapshot_free(s);
	scoreboard_leave(slot);
	scoreboard_close(board);
}

/* Is there a sentence with these words? */
static bool
advised(struct scoreboard *board, const struct conf *conf, const char *words)
{
	struct score_snapshot *s = scoreboard_snapshot(board);
	json_t *list = score_advice(s, conf), *sentence;
	bool found = false;
	size_t i;

	json_array_foreach(list, i, sentence)
		found = found || strstr(json_string_value(sentence), words) != NULL;
	json_decref(list);
	score_snapshot_free(s);
	return found;
}

static void
test_advice(void)
{
	static const struct conf conf = { .server_workers = 4, .server_queue = 512 };
	static const struct {
		enum score what;
		int64_t n;
		const char *words;
	} rows[] = {
		{ SCORE_ALL_BUSY, 12, "all workers were busy 12 times: raise [server] workers (now 4" },
		{ SCORE_OVERLOADED, 3, "503 overloaded" },
		{ SCORE_REDIS_BREAKER, 1, "the Redis breaker is open" },
		{ SCORE_LOG_LOST, 2, "2 log lines were lost" },
		{ SCORE_PG_RECONNECTS, 1, "PostgreSQL were lost 1 times" },
		{ SCORE_UPSTREAM_FAILURES, 50, "to model providers failed" },
		{ SCORE_SLOW_REQUESTS, 5, "requests were slow" },
	};
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	struct scoreboard_slot *slot;

	CU_ASSERT_TRUE(advised(board, &conf, "no process is ready"));
	slot = scoreboard_join(board, -1, table);
	scoreboard_state(slot, SLOT_READY);
	score_set(slot, SCORE_UPSTREAM_REQUESTS, 100);
	CU_ASSERT_FALSE(advised(board, &conf, "")); /* all is well: no sentence at all */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		score_set(slot, rows[i].what, rows[i].n);
		CU_ASSERT_TRUE(advised(board, &conf, rows[i].words));
		score_set(slot, rows[i].what, 0);
		CU_ASSERT_FALSE(advised(board, &conf, rows[i].words));
	}
	scoreboard_leave(slot);
	scoreboard_close(board);
}

static void
test_json_is_whole(void)
{
	static const struct conf conf = { .server_workers = 4, .server_queue = 512 };
	struct scoreboard *board = scoreboard_open("", 2, NULL);
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);
	struct score_snapshot *s = scoreboard_snapshot(board);
	json_t *all = score_json(s, &conf);
	struct buf text = BUF_INIT(0);

	/* json_pack() answers NULL for a wrong format: every part must be there */
	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(json_object_get(all, "pool"), "processes")), 1);
	CU_ASSERT_TRUE(json_is_object(json_object_get(all, "workers")));
	CU_ASSERT_TRUE(json_is_object(json_object_get(all, "streams")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(json_object_get(all, "listen_queue"), "length")));
	CU_ASSERT_TRUE(json_is_array(json_object_get(all, "advice")));
	score_text(s, &conf, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text), "listen queue:          unknown\n"));
	buf_free(&text);
	json_decref(all);
	score_snapshot_free(s);
	scoreboard_leave(slot);
	scoreboard_close(board);
}

static void
test_listen_queue(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int64_t waiting = -1, backlog = -1;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), clients[3];
	struct stat st;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", folder);
	CU_ASSERT_EQUAL(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CU_ASSERT_EQUAL(listen(listener, 64), 0);
	CU_ASSERT_EQUAL(fstat(listener, &st), 0);
	for (int i = 0; i < 3; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		CU_ASSERT_EQUAL(connect(clients[i], (struct sockaddr *)&addr, sizeof(addr)), 0);
	}
	CU_ASSERT_TRUE(sockdiag_listen_queue(st.st_ino, &waiting, &backlog));
	CU_ASSERT_EQUAL(waiting, 3);
	CU_ASSERT_EQUAL(backlog, 64);
	CU_ASSERT_FALSE(sockdiag_listen_queue(0, &waiting, &backlog));
	CU_ASSERT_FALSE(sockdiag_listen_queue(st.st_ino + 1000000, &waiting, &backlog));
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	close(listener);
	unlink(addr.sun_path);
}

/* ---- seats ---- */

#define CHANNEL 7
#define AT_ONCE 3

static _Atomic int *at_work; /* shared by children: how many have a seat, and how often it was too many */

static void
take_two_and_die(struct scoreboard *board)
{
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);

	if (seat_take(slot, CHANNEL, AT_ONCE) == SEAT_TAKEN && seat_take(slot, CHANNEL, AT_ONCE) == SEAT_TAKEN)
		_exit(0);
	_exit(1);
}

static void
take_and_return(struct scoreboard *board)
{
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table);

	for (int got = 0; got < 20000;) {
		if (seat_take(slot, CHANNEL, AT_ONCE) != SEAT_TAKEN)
			continue;
		got++;
		if (atomic_fetch_add(&at_work[0], 1) >= AT_ONCE)
			atomic_fetch_add(&at_work[1], 1);
		atomic_fetch_sub(&at_work[0], 1);
		seat_return(slot, CHANNEL);
	}
	scoreboard_leave(slot);
}

static void
test_seats(void)
{
	struct scoreboard *board = scoreboard_open("", 8, NULL);
	struct seats *seats = &scoreboard_pairs(board)->seats;
	struct scoreboard_slot *slot = scoreboard_join(board, -1, table), *many[AT_ONCE + 1];

	CU_ASSERT_EQUAL(seat_take(slot, CHANNEL, 0), SEAT_NONE);
	CU_ASSERT_EQUAL(seat_take(NULL, CHANNEL, 1), SEAT_NONE);
	CU_ASSERT_EQUAL(seats_taken(seats, CHANNEL), 0);
	seat_return(slot, CHANNEL); /* that has no row: nothing */
	CU_ASSERT_EQUAL(seat_take(slot, CHANNEL, AT_ONCE), SEAT_TAKEN);
	CU_ASSERT_EQUAL(in_child(take_two_and_die, board), 0);
	CU_ASSERT_EQUAL(seats_taken(seats, CHANNEL), 3);
	CU_ASSERT_EQUAL(seat_take(slot, CHANNEL, AT_ONCE), SEAT_FULL);
	CU_ASSERT_EQUAL(seat_take(slot, CHANNEL + 1, 1), SEAT_TAKEN); /* another channel's */
	scoreboard_sweep(board);
	CU_ASSERT_EQUAL(seats_taken(seats, CHANNEL), 1);
	CU_ASSERT_EQUAL(seat_take(slot, CHANNEL, AT_ONCE), SEAT_TAKEN);
	seat_return(slot, CHANNEL);
	seat_return(slot, CHANNEL);
	CU_ASSERT_EQUAL(seats_taken(seats, CHANNEL), 0);
	/* what was killed between the two words of a seat is mended when the channel is idle */
	CU_ASSERT_EQUAL(seat_take(slot, CHANNEL, AT_ONCE), SEAT_TAKEN);
	seat_return(slot, CHANNEL);
	seat_return(slot, CHANNEL);
	CU_ASSERT_EQUAL(seats_taken(seats, CHANNEL), 0);
	scoreboard_leave(slot);
	for (int i = 0; i < AT_ONCE + 1; i++) {
		many[i] = scoreboard_join(board, -1, table);
		CU_ASSERT_EQUAL(seat_take(many[i], CHANNEL, AT_ONCE), i < AT_ONCE ? SEAT_TAKEN : SEAT_FULL);
	}
	for (int i = 0; i < AT_ONCE + 1; i++)
		scoreboard_leave(many[i]);
	scoreboard_close(board);
}

/* As many processes take and return as fast as they can: never more than may. */
static void
test_seats_are_exact(void)
{
	struct scoreboard *board = scoreboard_open("", 8, NULL);
	pid_t pids[4];
	int status;

	at_work = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < 4; i++)
		if ((pids[i] = fork()) == 0) {
			take_and_return(board);
			_exit(0);
		}
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(waitpid(pids[i], &status, 0), pids[i]);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_EQUAL(at_work[0], 0);
	CU_ASSERT_EQUAL(at_work[1], 0);
	CU_ASSERT_EQUAL(seats_taken(&scoreboard_pairs(board)->seats, CHANNEL), 0);
	munmap((void *)at_work, 4096);
	scoreboard_close(board);
}

static CU_TestInfo board_tests[] = {
	{ "counts requests, counters, gauges, peaks", test_counting },
	{ "keeps the counts of ended and killed processes", test_folding },
	{ "the master reserves and retires slots", test_master_gives_slots },
	{ "a file is shared while anybody lives", test_file_is_shared },
	{ "processes that start at once share it", test_many_starters },
	{ "foreign, missing and linked files", test_bad_files },
	{ "a child attaches by descriptor", test_attach },
	{ "threads lose no count", test_threads },
	{ "seats are taken, full, returned, and given back by the dead", test_seats },
	{ "processes that race for seats never have too many", test_seats_are_exact },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo report_tests[] = {
	{ "Prometheus text", test_metrics },
	{ "advice for each trouble, none without", test_advice },
	{ "JSON and text have every part", test_json_is_whole },
	{ "the kernel tells the listen queue", test_listen_queue },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "scoreboard", make_folder, NULL, NULL, NULL, board_tests },
	{ "report", NULL, remove_folder, NULL, NULL, report_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
