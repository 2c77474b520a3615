/*
 * weirctl: the operator's command line.  Options and configuration are read
 * here, then the first word picks a group from the table below.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "ops/migrate.h"
#include "ctl/ctl.h"
#include "io/pg.h"
#include "io/redis.h"

#define NEEDS_CONF 1u /* read the configuration, make the connections (they open at first use) */
#define AS_SERVICE 2u /* root works as SERVICE_USER, unless -c or -u is given */
/* The user the programs run as, the one PostgreSQL's peer authentication knows: weir.sysusers. */
#define SERVICE_USER "weir"

static const struct command {
	const char *name;
	int (*run)(struct ctl *c, int argc, char **argv);
	unsigned flags;
	const char *help;
} commands[] = {
	{ "agent", ctl_agent, NEEDS_CONF | AS_SERVICE, "add | list | remove" },
	{ "audit", ctl_audit, NEEDS_CONF | AS_SERVICE, "[--no-wait]: prove the ledger, invariants I1-I6, I8-I11" },
	{ "budget", ctl_budget, NEEDS_CONF | AS_SERVICE, "show | set | remove | history" },
	{ "channel", ctl_channel, NEEDS_CONF | AS_SERVICE,
	    "add | set | list | providers | enable | disable | remove | test | models | balance" },
	{ "channel-key", ctl_channel_key, NEEDS_CONF | AS_SERVICE, "list | add | set | enable | disable | remove" },
	{ "config", ctl_config, 0, "check | show | doc [--man|--sample]" },
	{ "credits", ctl_credits, NEEDS_CONF | AS_SERVICE, "grant | show | history" },
	{ "doctor", ctl_doctor, AS_SERVICE, "look at everything this installation needs" },
	{ "group", ctl_group, NEEDS_CONF | AS_SERVICE, "list | add | set | join | remove" },
	{ "job", ctl_job, NEEDS_CONF | AS_SERVICE,
	    "queues | list | retry | cancel | replay | pause | resume | try | schedules | schedule" },
	{ "kb", ctl_kb, NEEDS_CONF | AS_SERVICE,
	    "list | documents | retry | cancel | reindex | pgvector: knowledge bases" },
	{ "key", ctl_key, NEEDS_CONF | AS_SERVICE, "create | list | revoke | lock | unlock | leaked" },
	{ "migrate", ctl_migrate, NEEDS_CONF, "up | down [N] | status | create NAME" },
	{ "model", ctl_model, NEEDS_CONF | AS_SERVICE, "add | set | list | remove" },
	{ "price", ctl_price, NEEDS_CONF | AS_SERVICE, "list | set | import" },
	{ "route", ctl_route, NEEDS_CONF | AS_SERVICE, "MODEL: where a call would go, and why" },
	{ "routes", ctl_routes, 0, "print the route table" },
	{ "setup", ctl_setup, 0, "[--superuser URL]: make keys, roles and the database" },
	{ "status", ctl_status, NEEDS_CONF | AS_SERVICE, "[--json]: the responders, with advice" },
	{ "storage", ctl_storage, NEEDS_CONF | AS_SERVICE, "status | move | sweep: where the bytes of files are" },
	{ "task", ctl_task, NEEDS_CONF | AS_SERVICE,
	    "unclear | adopt | fail: pictures and films whose provider gave no answer" },
	{ "user", ctl_user, NEEDS_CONF | AS_SERVICE, "add | passwd | role | disable | enable | invite | list" },
};

int
ctl_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("weirctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CTL_FAILED;
}

int
ctl_fail_pg(struct ctl *c, enum status st, const char *doing)
{
	const char *said = pg_error(c->cx.pg);

	ctl_fail("%s: %s", doing, *said != '\0' ? said : status_text(st, LANG_EN));
	if (st == E_UNAVAILABLE)
		fputs(
		    "weirctl: is PostgreSQL running, and is [database] url right? weirctl doctor tells more\n", stderr);
	return CTL_FAILED;
}

int
ctl_become(struct ctl *c)
{
	const struct passwd *p;

	if (c->user == NULL)
		return CTL_OK;
	if ((p = getpwnam(c->user)) == NULL)
		return ctl_fail("there is no user %s", c->user);
	if (p->pw_uid != geteuid() &&
	    (initgroups(p->pw_name, p->pw_gid) != 0 || setgid(p->pw_gid) != 0 || setuid(p->pw_uid) != 0))
		return ctl_fail("cannot become %s: %s", c->user, strerror(errno));
	/* libpq takes the role's name from the system user unless told otherwise */
	c->user = NULL;
	return CTL_OK;
}

int
ctl_usage(const char *text)
{
	fflush(stdout);
	fprintf(stderr, "usage: weirctl %s\n", text);
	return CTL_USAGE;
}

char *
ctl_secret(struct ctl *c, const char *prompt)
{
	char line[1024];
	struct termios old, quiet;
	bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	char *got;

	if (tty) {
		fprintf(stderr, "%s: ", prompt);
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(line, sizeof(line), stdin);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	if (got != NULL)
		line[strcspn(line, "\r\n")] = '\0';
	if (got == NULL || line[0] == '\0') {
		ctl_fail("%s: nothing on standard input", prompt);
		return NULL;
	}
	got = arena_strdup(c->cx.arena, line);
	explicit_bzero(line, sizeof(line));
	return got;
}

static void
print_help(FILE *to)
{
	fputs("usage: weirctl [-c FILE] [--migrations DIR] [-u USER] [-v] COMMAND ...\n\n", to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(to, "  %-8s  %s\n", commands[i].name, commands[i].help);
	fputs("\n  -c FILE           configuration, default " CONF_DEFAULT_PATH "\n"
	      "  --migrations DIR  folder of migrations, default " WEIR_MIGRATIONSDIR "\n"
	      "  -u USER           become this system user once the configuration is read,\n"
	      "                    for PostgreSQL's peer authentication; root is " SERVICE_USER "\n"
	      "                    unless -c or -u is given, but for setup and migrate\n"
	      "  -v                log what happens to standard error\n"
	      "  --version, --help\n\nSee weirctl(8).\n",
	    to);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Options before the command; argv past them.  -1: go on, else the exit status. */
static int
read_options(struct ctl *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "migrations", required_argument, NULL, 'm' },
		{ "user", required_argument, NULL, 'u' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	/* weirctl speaks for itself: nothing is logged unless asked for */
	int opt, level = LOG_ERROR + 1;

	while ((opt = getopt_long(argc, argv, "+c:u:vh", longs, NULL)) != -1) {
		switch (opt) {
		case 'c': c->conf_path = optarg; break;
		case 'm': c->migrations = optarg; break;
		case 'u': c->user = optarg; break;
		case 'v': level = LOG_DEBUG; break;
		case 'V': puts("weirctl " PACKAGE_VERSION); return CTL_OK;
		case 'h': print_help(stdout); return CTL_OK;
		default: return CTL_USAGE;
		}
	}
	log_init("weirctl", (enum log_level)level);
	return -1;
}

/* Whom to become: -u, or the service's user when root looks after the installed
 * Weir, so that nothing but setup and migrate needs -u on a stock Debian. */
static const char *
user_to_become(const struct ctl *c, const struct command *cmd)
{
	bool installed = c->conf_path == NULL && geteuid() == 0 && getpwnam(SERVICE_USER) != NULL;

	return c->user == NULL && installed && (cmd->flags & AS_SERVICE) ? SERVICE_USER : c->user;
}

/* The command runs with what it needs. */
static int
run_command(struct ctl *c, const struct command *cmd, int argc, char **argv)
{
	struct conf *conf = NULL;
	int rc;

	c->user = user_to_become(c, cmd);
	if (cmd->flags & NEEDS_CONF) {
		if (conf_load(c->conf_path, &conf) != OK)
			return CTL_FAILED;
		if (ctl_become(c) != CTL_OK) {
			conf_free(conf);
			return CTL_FAILED;
		}
		c->cx.conf = conf;
		c->cx.pg = pg_new(conf, conf->database_url, "weirctl");
		c->cx.redis = redis_new(conf);
	}
	c->migrations = migrate_dir(conf, c->migrations);
	rc = cmd->run(c, argc, argv);
	if (conf != NULL) {
		redis_free(c->cx.redis);
		pg_free(c->cx.pg);
		conf_free(conf);
	}
	/* a full disk or a closed pipe must not look like success */
	if (fflush(stdout) != 0 || ferror(stdout))
		return ctl_fail("standard output could not be written");
	return rc;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .cx = { .arena = arena_new(65536, 1u << 30), .lang = LANG_EN } };
	const struct command *cmd;
	int rc = read_options(&c, argc, argv);

	if (rc < 0 && optind >= argc) {
		print_help(stderr);
		rc = CTL_USAGE;
	}
	if (rc < 0) {
		cmd = find_command(argv[optind]);
		if (cmd == NULL)
			rc = ctl_fail("no command \"%s\"; weirctl --help lists them", argv[optind]) + 1;
		else
			rc = run_command(&c, cmd, argc - optind, argv + optind);
	}
	json_decref(c.cx.details);
	arena_free(c.cx.arena);
	return rc;
}
