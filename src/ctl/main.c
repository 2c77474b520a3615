/*
 * weirctl: the operator's command line.  Options and configuration are read
 * here, then the first word picks a group from the table below.
 */
#include "config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "core/migrate.h"
#include "ctl/ctl.h"
#include "io/pg.h"
#include "io/redis.h"

#define NEEDS_CONF 1u /* read the configuration, make the connections (they open at first use) */

static const struct group {
	const char *name;
	int (*run)(struct ctl *c, int argc, char **argv);
	unsigned flags;
	const char *help;
} groups[] = {
	{ "agent", ctl_agent, NEEDS_CONF, "add | list | remove" },
	{ "channel", ctl_channel, NEEDS_CONF, "add | set | list | enable | disable | remove | test" },
	{ "config", ctl_config, 0, "check | show | doc [--man|--sample]" },
	{ "migrate", ctl_migrate, NEEDS_CONF, "up | down [N] | status | create NAME" },
	{ "model", ctl_model, NEEDS_CONF, "add | set | list | remove" },
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
	const char *said = pg_error(c->pg);

	ctl_fail("%s: %s", doing, *said != '\0' ? said : status_text(st, LANG_EN));
	if (st == E_UNAVAILABLE)
		fputs("weirctl: is PostgreSQL running, and is [database] url right? weirctl doctor tells more\n", stderr);
	return CTL_FAILED;
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
	got = arena_strdup(c->arena, line);
	explicit_bzero(line, sizeof(line));
	return got;
}

static void
print_help(FILE *to)
{
	fputs("usage: weirctl [-c FILE] [--migrations DIR] [-v] COMMAND ...\n\n", to);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		fprintf(to, "  %-8s  %s\n", groups[i].name, groups[i].help);
	fputs("\n  -c FILE           configuration, default " CONF_DEFAULT_PATH "\n"
	      "  --migrations DIR  folder of migrations, default " WEIR_MIGRATIONSDIR "\n"
	      "  -v                log what happens to standard error\n"
	      "  --version, --help\n\nSee weirctl(8).\n",
	      to);
}

static const struct group *
find_group(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(groups[i].name, name) == 0)
			return &groups[i];
	return NULL;
}

/* Options before the command; argv past them.  -1: go on, else the exit status. */
static int
read_options(struct ctl *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "migrations", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	/* weirctl speaks for itself: nothing is logged unless asked for */
	int opt, level = LOG_ERROR + 1;

	while ((opt = getopt_long(argc, argv, "+c:vh", longs, NULL)) != -1) {
		switch (opt) {
		case 'c':
			c->conf_path = optarg;
			break;
		case 'm':
			c->migrations = optarg;
			break;
		case 'v':
			level = LOG_DEBUG;
			break;
		case 'V':
			puts("weirctl " PACKAGE_VERSION);
			return CTL_OK;
		case 'h':
			print_help(stdout);
			return CTL_OK;
		default:
			return CTL_USAGE;
		}
	}
	log_init("weirctl", (enum log_level)level);
	return -1;
}

/* The group runs with what it needs. */
static int
run_group(struct ctl *c, const struct group *g, int argc, char **argv)
{
	struct conf *conf = NULL;
	int rc;

	if (g->flags & NEEDS_CONF) {
		if (conf_load(c->conf_path, &conf) != OK)
			return CTL_FAILED;
		c->conf = conf;
		c->pg = pg_new(conf, conf->database_url, "weirctl");
		c->redis = redis_new(conf);
	}
	c->migrations = migrate_dir(conf, c->migrations);
	rc = g->run(c, argc, argv);
	if (conf != NULL) {
		redis_free(c->redis);
		pg_free(c->pg);
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
	struct ctl c = { .arena = arena_new(65536, 1u << 30) };
	const struct group *g;
	int rc = read_options(&c, argc, argv);

	if (rc < 0 && optind >= argc) {
		print_help(stderr);
		rc = CTL_USAGE;
	}
	if (rc < 0) {
		g = find_group(argv[optind]);
		if (g == NULL)
			rc = ctl_fail("no command \"%s\"; weirctl --help lists them", argv[optind]) + 1;
		else
			rc = run_group(&c, g, argc - optind, argv + optind);
	}
	arena_free(c.arena);
	return rc;
}
