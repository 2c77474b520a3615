/*
 * weirctl: what its subcommands share.
 *
 * main.c reads the options and the configuration, then calls the function of
 * the first word from its table.  Each group of subcommands is one file:
 *
 *	int ctl_credits(struct ctl *c, int argc, char **argv);
 *
 * argv[0] is the group's name ("credits"), argv[1] the subcommand.  The result
 * is the exit status: 0 done, 1 it failed, 2 wrong usage (ctl_usage()).
 *
 * TO ADD A GROUP: 1. write src/ctl/GROUP.c and list it in Makefile.inc;
 * 2. declare it here; 3. add its row to the table in main.c; 4. describe it in
 * man/weirctl.8.
 */
#ifndef WEIR_CTL_CTL_H
#define WEIR_CTL_CTL_H

#include <stdbool.h>

#include "core/context.h"

#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

struct ctl {
	/* What nouns take: conf NULL for groups that need none; the arena lives as
	 * long as the program; pg (service role) and redis connect at first use. */
	struct context cx;
	const char *conf_path;	/* as given by -c; NULL: the default */
	const char *migrations; /* the folder of migrations in use */
	const char *user;	/* -u: the system user to become; NULL: none */
};

/* The groups.  main.c's table says what each needs. */
int ctl_agent(struct ctl *c, int argc, char **argv);
int ctl_audit(struct ctl *c, int argc, char **argv);
int ctl_budget(struct ctl *c, int argc, char **argv);
int ctl_channel(struct ctl *c, int argc, char **argv);
int ctl_channel_key(struct ctl *c, int argc, char **argv);
int ctl_config(struct ctl *c, int argc, char **argv);
int ctl_credits(struct ctl *c, int argc, char **argv);
int ctl_doctor(struct ctl *c, int argc, char **argv);
int ctl_group(struct ctl *c, int argc, char **argv);
int ctl_job(struct ctl *c, int argc, char **argv);
int ctl_kb(struct ctl *c, int argc, char **argv);
int ctl_key(struct ctl *c, int argc, char **argv);
int ctl_migrate(struct ctl *c, int argc, char **argv);
int ctl_model(struct ctl *c, int argc, char **argv);
int ctl_price(struct ctl *c, int argc, char **argv);
int ctl_route(struct ctl *c, int argc, char **argv);
int ctl_routes(struct ctl *c, int argc, char **argv);
int ctl_setup(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_storage(struct ctl *c, int argc, char **argv);
int ctl_task(struct ctl *c, int argc, char **argv);
int ctl_user(struct ctl *c, int argc, char **argv);

/* Print "weirctl: ..." and a newline to stderr; returns CTL_FAILED so that
 * callers write `return ctl_fail("no user %s", login);`. */
int ctl_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* ctl_fail() with what PostgreSQL said last: its own message for a refused
 * statement, a hint when it cannot be reached. */
int ctl_fail_pg(struct ctl *c, enum status st, const char *doing);
/* Become the system user of -u, so that PostgreSQL's peer authentication lets
 * us in as that role.  After the configuration was read, before the first
 * connection.  CTL_OK when there is nothing to do or it is done already. */
int ctl_become(struct ctl *c);
/* Print "usage: weirctl TEXT" to stderr; returns CTL_USAGE. */
int ctl_usage(const char *text);
/* One line of standard input without its newline, in cx.arena: passwords and
 * keys, which must not stand on a command line.  On a terminal `prompt` is
 * shown and the echo is off.  NULL (and a message) when there is none. */
char *ctl_secret(struct ctl *c, const char *prompt);

#endif
