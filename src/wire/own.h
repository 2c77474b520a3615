/*
 * Own words: what a client says passes to a provider of the same wire as it
 * stands, and so does the answer on its way back; so that what Weir does not know
 * survives.  Nothing is written anew but what is Weir's to say.  Pure.
 */
#ifndef WEIR_WIRE_OWN_H
#define WEIR_WIRE_OWN_H

#include "base/buf.h"
#include "base/scan.h"
#include "wire/ask.h"

/* Is `ask` in the words of that wire, and whoever is asked (ask.shape) understands them? */
bool own_words(const struct ask *ask, const char *wire);
/* Append the members of a JSON object, separated by commas, but those named in `ours`
 * (NULL-terminated), in whatever letters and with whatever escapes: none of them may
 * reach who reads the last of two.  False: it is no JSON object. */
bool own_members(struct buf *out, const char *json, size_t len, const char *const *ours) MUST_CHECK;
/* Where a value stands in an object; false: nowhere, or it is of another kind.
 * `path`: names, one within the other, NULL-terminated. */
bool own_find(const char *json, size_t len, const char *const *path, struct scan_text *value) MUST_CHECK;
/* Is the member a text that is not empty, in an element of the array of that name? */
bool own_says(const char *json, size_t len, const char *list, const char *member);
/* Append JSON with the text at `path` replaced, if there is one. */
void own_rename(struct buf *out, const char *json, size_t len, const char *const *path, const char *text);
/* A provider's whole answer as its client is told it, malloc'ed: `own` has it in one line, with
 * the model's name in the member `model_member` and, where `usage` (JSON; NULL: its own) is
 * given, that in `usage_member`.  NULL: it is not one object. */
char *own_whole(
    const struct buf *own, const char *model_member, const char *model, const char *usage_member, const char *usage);

#endif
