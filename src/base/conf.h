/*
 * weir.conf: an ini file read once at start into a plain struct.  The table is
 * config.def; conf->section_name is its value.  A reload starts new processes.
 *
 * Secrets may stand in `secrets.conf` beside the file (mode 0640), read after it.
 */
#ifndef WEIR_BASE_CONF_H
#define WEIR_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

#define CONF_DEFAULT_PATH WEIR_SYSCONFDIR "/weir.conf"

/* `count` requests per `per_ms`; count 0 is off. */
struct rate {
	int64_t count, per_ms;
};

#define CONF_T_STRING const char *
#define CONF_T_SECRET const char *
#define CONF_T_INT int64_t
#define CONF_T_BOOL bool
#define CONF_T_SIZE size_t
#define CONF_T_TIME int64_t
#define CONF_T_CREDITS int64_t
#define CONF_T_RATE struct rate

struct conf {
	struct arena *arena;
	const char *path;
#define SECTION(name, help)
#define OPTION(section, name, type, def, min, max, help) CONF_T_##type section##_##name;
#include "base/config.def"
#undef SECTION
#undef OPTION
};

/* Read `path` (NULL: CONF_DEFAULT_PATH, which may be missing) over the
 * defaults.  On failure prints each problem with file and line to stderr and
 * returns E_INVALID_REQUEST.  The caller owns *out: conf_free().  Main thread,
 * before others start. */
enum status conf_load(const char *path, struct conf **out) MUST_CHECK;
void conf_free(struct conf *c);
/* How many bytes of [server] base_url stand before a path: without slashes at its end.  Any thread. */
size_t conf_site_len(const struct conf *c);
/* Every option with its current value, secrets as "(set)" or "(empty)". */
void conf_show(const struct conf *c, FILE *to);
/* The commented sample file, or weir.conf(5) in roff, or Markdown. */
void conf_doc_sample(FILE *to);
void conf_doc_man(FILE *to);
void conf_doc_text(FILE *to);

#endif
