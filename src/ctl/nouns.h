/*
 * What the subcommands for models, channels and agents share: they call the
 * same functions of core as the admin routes, with the same input, so that both
 * doors have the same rules.
 */
#ifndef WEIR_CTL_NOUNS_H
#define WEIR_CTL_NOUNS_H

#include <getopt.h>
#include <jansson.h>

#include "base/fields.h"
#include "ctl/ctl.h"

/* Say what went wrong, after `doing`; returns CTL_FAILED. */
int nouns_fail(struct context *cx, enum status st, const char *doing);
/* Check `in` as the route would.  False, after saying which option is wrong. */
bool nouns_check(struct context *cx, const struct field *fields, json_t *in);
/* The id of the account that signs in by that name.  False, after saying that there is none. */
bool nouns_user(struct ctl *c, const char *login, char id[UUID_LEN]);
/* Write to the audit log what was done to `noun` `name`; details (without a
 * secret) are borrowed. */
void nouns_audit(struct ctl *c, const char *action, const char *noun, const char *name, const json_t *details);

/* How an option's value becomes a member of the input. */
enum option_kind { OPTION_TEXT, OPTION_INT, OPTION_NUMBER, OPTION_TRUE, OPTION_FALSE, OPTION_WORDS, OPTION_OTHER };
struct noun_option {
	const char *name, *member; /* "--name", and the member it sets */
	enum option_kind kind;
};

/* Read the options of argv[2…] into `in` by the table, which ends with a NULL
 * name; OPTION_OTHER goes to `other`, which may refuse.  *word is the one word
 * that is no option (NULL: there was none).  False: wrong usage. */
typedef bool other_option(void *arg, const char *name, const char *value);
bool nouns_options(int argc, char **argv, const struct noun_option *table, json_t *in, const char **word,
    other_option *other, void *arg);

/* Make of the members amount, period and no_budget of options one member budget, as the
 * routes take it.  False: they contradict each other. */
bool nouns_budget(json_t *in);

#endif
