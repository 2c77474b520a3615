/* What weir-worker does by the clock about what is stored of channels' health. */
#ifndef WEIR_CATALOG_HEALTH_SWEEP_H
#define WEIR_CATALOG_HEALTH_SWEEP_H

#include "core/sweep.h"

/* Tokens and cost, from table usage, by channel and hour: the sweep channel_hours. */
enum status sum_channel_hours(struct sweeper *s) MUST_CHECK;
/* Events and hours beyond [health] keep_events and keep_hours: the sweep channel_prune. */
enum status prune_channels(struct sweeper *s) MUST_CHECK;

#endif
