/*
 * The relay of what is no chat: vectors, rankings, judgements, pictures, speech and its words.  A
 * client's own words pass to a provider of the same wire and the provider's answer comes
 * back as its bytes, with the model's name put back; vectors are also told across wires.
 *
 * Each is a paid task of kind "relay": what it can cost at most is held, what it took is
 * charged once.  An answer that nobody got, or that broke off, costs nothing; a stream that
 * its reader left costs what the provider was asked for.
 *
 * TO ADD ONE: its op (wire/ask.h), a row in op_read.c, its endpoint in the wires that have it, and a handler.
 */
#ifndef WEIR_RELAY_OP_H
#define WEIR_RELAY_OP_H

#include "core/request.h"
#include "wire/ask.h"

/* Answer the request's body, which asks for `op`.  `path_model`: the model that the path
 * names; NULL: the body does, or nobody, and then the site's own for it is taken.
 * `is_single`: of OP_EMBED, one text instead of a list.  E_INVALID_REQUEST names the
 * field; E_NOT_FOUND a model that is not on offer; E_FORBIDDEN the key is not for that;
 * E_UNAVAILABLE no channel; errors of gate_open(); E_OVERLOADED.  Worker. */
enum status relay_op(struct request *rq, enum op op, const char *path_model, bool is_single) MUST_CHECK;

/* What models of that type (llm_models.type) can be asked for by clients of Gemini's SDKs:
 * the names of its methods, NULL-terminated; NULL: nothing.  Any thread. */
const char *const *relay_gemini_methods(const char *type);

#endif
