/*
 * call -- the calls of tools in an answer: which, and in what pieces they are
 * said. Pure functions, any thread.
 */
#ifndef WEIR_DEMO_CALL_H
#define WEIR_DEMO_CALL_H

#include "demo/ask.h"
#include "demo/speak.h"

/* Write the calls that the script names, or the request requires, into calls,
 * room for SCRIPT_CALLS of zeros; returns how many. Their args are the
 * caller's to free. There are none without tools, or once a tool has spoken. */
unsigned calls_write(struct call *calls, const struct script *s, const struct ask *ask, const struct speaker *speaker);

/* The next piece of a call: first nothing, for its name, then thirds of its
 * arguments; or all at once. False when it was the last. */
bool call_next(struct call *call, bool is_whole, struct span *piece);

/* How many pieces there are in all of them. */
uint32_t calls_count(const struct call *calls, unsigned count, bool is_whole);

#endif
