/*
 * W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/): the
 * `traceparent` a request came with, and the one it is passed on with.
 */
#ifndef WEIR_BASE_TRACE_H
#define WEIR_BASE_TRACE_H

#include <stdbool.h>

#define TRACE_ID_LEN 33	   /* 32 lower-case hex digits and NUL */
#define SPAN_ID_LEN 17	   /* 16 and NUL */
#define TRACEPARENT_LEN 56 /* "00-<trace>-<span>-01" and NUL */

struct trace {
	char trace_id[TRACE_ID_LEN];
	char span_id[SPAN_ID_LEN];
	char parent_id[SPAN_ID_LEN];  /* "" when the trace began here */
	unsigned char flags;	      /* bit 0: sampled */
	char header[TRACEPARENT_LEN]; /* the traceparent value that names this span as the parent */
};

/* Read a traceparent value: *out gets its trace id, its span as span_id and
 * its flags.  False, *out untouched, when it is NULL or not valid by the
 * specification: the caller then begins a trace.  Any thread. */
bool trace_parse(const char *header, struct trace *out);
/* Begin a trace: random ids, sampled.  Any thread. */
void trace_begin(struct trace *out);
/* A child span of `parent`: same trace and flags, a new span id.  `out` may be
 * `parent` itself.  Any thread. */
void trace_child(const struct trace *parent, struct trace *out);
/* Our span for a request that came with `header` (may be NULL or nonsense): a
 * child of it, or a new trace. */
void trace_start(const char *header, struct trace *out);

#endif
