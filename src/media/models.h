/* What is known of models for pictures and films: models.def, or what an operator says. */
#ifndef WEIR_MEDIA_MODELS_H
#define WEIR_MEDIA_MODELS_H

#include <jansson.h>

#include "catalog/offer.h"

/* How that model is asked through that channel; an object, in the arena. */
const json_t *media_model_row(struct arena *a, const struct offer_model *m, const struct offer_channel *through);

#endif
