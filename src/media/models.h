/* What is known of models for pictures and films: models.def, or what an operator says. */
#ifndef WEIR_MEDIA_MODELS_H
#define WEIR_MEDIA_MODELS_H

#include <jansson.h>

#include "catalog/offer.h"
#include "core/context.h"
#include "media/params.h"

/* How that model is asked through that channel; an object, in the arena. */
const json_t *media_model_row(struct arena *a, const struct offer_model *m, const struct offer_channel *through);
/* The row of the first of its channels that can do it, and whose provider makes such things; NULL: none. */
const json_t *media_row_for(struct arena *a, enum media_op op, const struct offer_model *m);

/* Add to each model of `items` that makes pictures or films what it takes, `makes`: {ops, sizes, size, resolutions, resolution,
 * seconds, length, images_min, images_max, n_max, prompt_max, has_watermark, typical_s}; null to others.  Worker. */
enum status media_makes_tell(struct context *cx, json_t *items) MUST_CHECK;

#endif
