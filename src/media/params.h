/*
 * From what is asked for, in Weir's words, to what a provider is sent: by the row of the
 * model (llm_models.media, docs/MEDIA.md), because vendors change and retire models
 * and no program should have to.
 */
#ifndef WEIR_MEDIA_PARAMS_H
#define WEIR_MEDIA_PARAMS_H

#include <jansson.h>

#include "core/context.h"
#include "ledger/price.h"

#define MEDIA_PROMPT_MAX 5000 /* characters, where a row does not say */

enum media_op { MAKE_IMAGE, MAKE_EDIT, MAKE_VIDEO, MAKE_FROM_IMAGE, MAKE_STORYBOARD };

/* Its name, as usage.op has it, and the type of task and of model it is of. */
const char *media_op_name(enum media_op op);
const char *media_op_type(enum media_op op);

/* How long something of that type takes, where a row does not say. */
int media_typical_s(const char *type);

/* How many pictures one request may be for, by that part (`n`) of a row; 1 where there is none. */
int64_t media_count_max(const json_t *part);

/* What is wanted, understood. */
struct media_wanted {
	json_t *input;	   /* what the provider is sent; in the arena */
	struct usage used; /* what it counts as: images, or seconds */
	int64_t ratio_ppm; /* of the price, for what the row says costs more */
	int typical_s;
};

/* Can a model of that row do it? */
bool media_fits(enum media_op op, const json_t *row);
/* Understand `body`, whose fields have been checked by their table.  E_INVALID_REQUEST names the
 * field that the model does not take. */
enum status media_params(
    struct context *cx, enum media_op op, const json_t *row, const json_t *body, struct media_wanted *out) MUST_CHECK;

#endif
