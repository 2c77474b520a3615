/*
 * weir-fcgi: start-up as a chain of checks, each of which refuses with a clear
 * sentence, then one responder or the master of a pool.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/phone.h"
#include "ops/migrate.h"
#include "score/board.h"
#include "io/pg.h"
#include "server/listen.h"
#include "server/pool.h"
#include "server/responder.h"
#include "store/s3.h"

#define EXIT_CONFIG POOL_EXIT_CONFIG

/* What the command line says. */
struct options {
	const char *conf_path; /* NULL: the default */
	const char *listen;    /* NULL: descriptor 0 */
	bool pool;
	int processes; /* 0: from the configuration */
	bool child;    /* started by a pool's master, with: */
	int slot, board_fd, ready_fd;
	enum pool_entry entry;
	bool check; /* only say whether it would start */
};

static int PRINTF_LIKE(2, 3) refuse(int exit_status, const char *fmt, ...)
{
	va_list ap;

	fputs("weir-fcgi: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return exit_status;
}

static void
print_help(void)
{
	puts("usage: weir-fcgi [-c FILE] [--listen PATH[,MODE[,GROUP]]] [--pool [N]]\n"
	     "       weir-fcgi [-c FILE] --check\n\n"
	     "The FastCGI responder of Weir. Without --listen it takes its listening socket\n"
	     "on descriptor 0, as from spawn-fcgi, multiwatch, mod_fcgid or systemd.\n\n"
	     "  -c FILE        configuration, default " CONF_DEFAULT_PATH "\n"
	     "  --listen PATH  make the unix socket PATH, with octal MODE (0660) and GROUP\n"
	     "  --pool [N]     a master with N responders (default: [server] processes):\n"
	     "                 SIGHUP reloads without a failed request, SIGTERM drains\n"
	     "  --check        say whether a reload would take the configuration and the\n"
	     "                 database as they are: exit status 0, or 78 and the reason\n"
	     "  --version, --help\n\nSee weir-fcgi(8).");
}

/* A whole number within bounds, or false. */
static bool
parse_int(const char *text, int min, int max, int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < min || n > max)
		return false;
	*out = (int)n;
	return true;
}

/* "--name VALUE" or "--name=VALUE" at argv[*i]; NULL when it is another option. */
static const char *
option_value(int argc, char **argv, int *i, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	if (argv[*i][len] != '\0' || *i + 1 >= argc)
		return NULL;
	return argv[++*i];
}

/* --pool takes an optional number, after a space or an equals sign. */
static bool
is_pool(int argc, char **argv, int *i, struct options *o)
{
	if (strcmp(argv[*i], "--pool") == 0) {
		o->pool = true;
		if (*i + 1 < argc && argv[*i + 1][0] != '-')
			return parse_int(argv[++*i], 1, 256, &o->processes);
		return true;
	}
	o->pool = strncmp(argv[*i], "--pool=", 7) == 0;
	return o->pool && parse_int(argv[*i] + 7, 1, 256, &o->processes);
}

/* --responder, between the master and its children: see pool.h.  A master of an
 * earlier release says less. */
static bool
read_seat(const char *text, struct options *o)
{
	int entry = POOL_ENTRY_CHECK, n = sscanf(text, "%d,%d,%d,%d", &o->slot, &o->board_fd, &o->ready_fd, &entry);

	o->entry = (enum pool_entry)entry;
	return n >= 3;
}

/* -1: go on; else the exit status. */
static int
read_options(int argc, char **argv, struct options *o)
{
	const char *v;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help();
			return 0;
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("weir-fcgi " PACKAGE_VERSION);
			return 0;
		} else if (strcmp(argv[i], "--check") == 0) {
			o->check = true;
		} else if ((v = option_value(argc, argv, &i, "-c")) != NULL) {
			o->conf_path = v;
		} else if ((v = option_value(argc, argv, &i, "--listen")) != NULL) {
			o->listen = v;
		} else if ((v = option_value(argc, argv, &i, "--responder")) != NULL) {
			o->child = read_seat(v, o);
			if (!o->child)
				return refuse(2, "--responder is for the pool's own use");
		} else if (!is_pool(argc, argv, &i, o)) {
			return refuse(2, "\"%s\": no such option or value; see weir-fcgi --help", argv[i]);
		}
	}
	if ((o->child || o->check) && (o->pool || o->listen != NULL))
		return refuse(2, "--responder and --check go with no other option");
	return -1;
}

static bool
get_listener(const struct options *o, struct listener *out)
{
	char problem[256] = "";

	if (o->listen != NULL) {
		if (listen_make(o->listen, out, problem))
			return true;
		refuse(EXIT_CONFIG, "%s", problem);
		return false;
	}
	if (listen_inherit(out))
		return true;
	refuse(EXIT_CONFIG,
	    "descriptor 0 is no listening socket: use --listen PATH, or start it from spawn-fcgi, "
	    "multiwatch, mod_fcgid or a systemd unit with StandardInput=socket");
	return false;
}

/* Does the database fit this build?  (ops/migrate.h has the rule.)  One that
 * cannot be asked is no reason to stay down: requests get 503 until it is back,
 * and /readyz asks again.  A pool's responders ask, its master does not. */
static int
check_schema(const struct options *o, const struct conf *conf)
{
	struct buf problem = BUF_INIT(65536);
	enum migrate_fit fit;
	struct pg *pg;
	int rc = -1;

	if (o->pool)
		return rc;
	if (o->entry == POOL_ENTRY_ADMITTED) {
		migrate_admit();
		return rc;
	}
	pg = pg_new(conf, conf->database_url, "weir-fcgi start");
	if (o->entry == POOL_ENTRY_WAIT)
		fit = migrate_await(pg, conf, false, NULL, &problem);
	else
		fit = migrate_check(pg, conf, &problem);
	if (fit == MIGRATE_UNASKED)
		LOG(WARN, "database_unavailable", LS("why", buf_str(&problem)));
	else if (fit == MIGRATE_AHEAD)
		LOG(WARN, "schema_ahead", LS("why", buf_str(&problem)));
	else if (fit != MIGRATE_FITS)
		rc = refuse(EXIT_CONFIG, "%s", buf_str(&problem));
	if (fit == MIGRATE_FITS || fit == MIGRATE_AHEAD)
		migrate_admit();
	buf_free(&problem);
	pg_free(pg);
	return rc;
}

static int
check_conf(const struct conf *conf)
{
	if (!phone_country_known(conf->auth_phone_country))
		return refuse(EXIT_CONFIG, "[auth] phone_country: \"%s\" is no country of which the dialling is known",
		    conf->auth_phone_country);
	if (storage_problem(conf) != NULL)
		return refuse(EXIT_CONFIG, "%s", storage_problem(conf));
	return -1;
}

static int
start_log(const struct conf *conf)
{
	int level = log_level_parse(conf->log_level);

	if (level < 0)
		return refuse(EXIT_CONFIG, "[log] level: \"%s\" is not debug, info, warn or error", conf->log_level);
	log_init("weir-fcgi", (enum log_level)level);
	return -1;
}

/* Open files are connections: take what the system allows. */
static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static struct scoreboard *
get_board(struct options *o, const struct conf *conf, int processes)
{
	struct scoreboard *board = o->child ? scoreboard_attach(o->board_fd) : NULL;
	char why[256];

	if (board != NULL)
		return board;
	o->slot = -1; /* the master's release keeps another board: none of its places is one of ours */
	/* a pool that is reloaded often has many old processes draining */
	board = scoreboard_open(conf->server_scoreboard, 64 + 16 * (unsigned)processes, why);
	if (why[0] != '\0')
		LOG(WARN, "scoreboard_unnamed", LS("why", why),
		    LS("effect", "weirctl status will not see these processes"));
	return board;
}

static int
run_pool(const struct options *o, struct conf *conf, struct listener *listener, struct scoreboard *board)
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct pool_options pool = { .conf = conf,
		.conf_path = o->conf_path,
		.program = program,
		.processes = o->processes,
		.listener = listener,
		.board = board };

	if (n < 0)
		return refuse(1, "/proc/self/exe: %s", strerror(errno));
	program[n] = '\0';
	return pool_run(&pool);
}

static int
run_one(const struct options *o, const struct conf *conf, struct listener *listener, struct scoreboard *board)
{
	struct responder_options one = {
		.conf = conf, .listen_fd = listener->fd, .scoreboard = board, .slot = -1, .ready_fd = -1
	};
	struct scoreboard_pool alone = {
		.listen_queue = -1, .listen_queue_max = -1, .listen_backlog = -1, .listen_inode = listener->inode
	};

	if (o->child) {
		one.slot = o->slot;
		one.ready_fd = o->ready_fd;
		fcntl(o->ready_fd, F_SETFD, FD_CLOEXEC);
	} else {
		scoreboard_set_pool(board, &alone);
	}
	return responder_main(&one);
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct listener listener;
	struct scoreboard *board;
	struct conf *conf = NULL;
	int rc = read_options(argc, argv, &o);

	if (rc >= 0)
		return rc;
	if (conf_load(o.conf_path, &conf) != OK)
		return EXIT_CONFIG; /* it has said why */
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "weir-fcgi"); /* a pool's master runs us by descriptor, which would be the name */
	raise_file_limit();
	if ((rc = start_log(conf)) < 0 && (rc = check_conf(conf)) < 0 && (rc = check_schema(&o, conf)) < 0) {
		if (o.check)
			rc = EXIT_SUCCESS;
		else if (!get_listener(&o, &listener))
			rc = EXIT_CONFIG;
	}
	if (rc >= 0) {
		conf_free(conf);
		return rc;
	}
	board = get_board(&o, conf, o.processes > 0 ? o.processes : (int)conf->server_processes);
	if (o.pool) {
		rc = run_pool(&o, conf, &listener, board); /* frees conf */
	} else {
		rc = run_one(&o, conf, &listener, board);
		conf_free(conf);
	}
	listen_unlink(&listener);
	scoreboard_close(board);
	return rc;
}
