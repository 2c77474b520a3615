/*
 * One line of JSON per event on stderr (journald reads it as it is).
 *
 *	LOG(INFO, "request", LS("route", route), LI("status", 200));
 *
 * Every line carries time, level, service, pid, event and the calling thread's
 * context (request id, user id, trace id).  Secrets never enter a line: there
 * is no way to log a header block, a body or a connection string.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key;
	enum { LOG_F_END, LOG_F_STR, LOG_F_INT, LOG_F_NUM } kind;
	const char *str;
	int64_t num;
};

#define LS(k, v) ((struct log_field){ .key = (k), .kind = LOG_F_STR, .str = (v) })
#define LI(k, v) ((struct log_field){ .key = (k), .kind = LOG_F_INT, .num = (int64_t)(v) })
/* microseconds, printed as milliseconds with three decimals */
#define LMS(k, us) ((struct log_field){ .key = (k), .kind = LOG_F_NUM, .num = (int64_t)(us) })
#define LOG(level, event, ...) \
	log_write(LOG_##level, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ .kind = LOG_F_END } })

/* What the current thread is working on; strings are borrowed until cleared. */
struct log_context {
	const char *request_id, *user_id, *trace_id, *span_id;
};

/* Name the program and set the least level that is written.  Once, at start-up. */
void log_init(const char *service, enum log_level least);
/* "debug" … "error" to a level; -1 when unknown. */
int log_level_parse(const char *name);
/* Write one line if `level` is enabled; fields end with kind LOG_F_END.  One
 * write(2) per line.  Any thread. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);
/* Set (a copy of *ctx) or clear (NULL) the calling thread's context. */
void log_set_context(const struct log_context *ctx);
/* Lines written and lines lost (stderr not writable) since start. */
uint64_t log_lost(void);

#endif
