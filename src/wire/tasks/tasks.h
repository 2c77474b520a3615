/*
 * Providers whose tasks differ by their addresses and the names of members alone: each is a
 * row of rows.def, and tasks.c asks and understands them all.
 */
#ifndef WEIR_WIRE_TASKS_TASKS_H
#define WEIR_WIRE_TASKS_TASKS_H

#include "wire/media.h"

/* Pointers are JSON pointers (RFC 6901, without ~), where "*" is each element of an array; of several, blanks
 * between them, the first that finds something counts. */
struct task_api {
	const char *key;      /* "Authorization: Bearer " */
	const char *submit;   /* behind the base URL: {model}, and {callback}, escaped */
	const char *model;    /* the member of the body that names it; NULL: none does */
	const char *input;    /* the member that is what is asked; NULL: the body is */
	const char *callback; /* the member that has its address; NULL: none does */
	const char *also;     /* members of the body besides, where there is a callback, as JSON; NULL: none */
	const char *status;   /* where it is asked after: {id}, and {app}, the model's first two words */
	const char *result;   /* where its result is, once it is done; NULL: the status has it */
	const char *id;	      /* pointer: in the answer to submit */
	const char *called;   /* pointers: the same, in a callback */
	const char *state;    /* pointer: a word of */
	const char *waiting, *done, *failed; /* words, blanks between; others: it runs */
	const char *urls;		     /* pointers: of what was made */
	const char *error; /* pointers: why it failed; where this says something it has, whatever the state */
};

struct task_wire {
	struct media_wire wire; /* first, so that functions find the row */
	struct task_api api;
};

/* The row of that provider; NULL: none. */
const struct media_wire *task_wire_find(const char *provider);

#endif
