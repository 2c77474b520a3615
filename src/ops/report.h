/* The scoreboard for readers: Prometheus, a page for people, JSON, advice. */
#ifndef WEIR_OPS_REPORT_H
#define WEIR_OPS_REPORT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/conf.h"
#include "score/board.h"

/* Prometheus text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#define SCORE_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
void score_metrics(const struct score_snapshot *s, struct buf *to);

/* Everything as one object; the caller owns the reference.  Members are in the
 * order a person would read them. */
json_t *score_json(const struct score_snapshot *s, const struct conf *conf);
/* The same as text, in the manner of php-fpm's status page. */
void score_text(const struct score_snapshot *s, const struct conf *conf, struct buf *to);

/* What an operator should change, as sentences; an empty array when all is
 * well.  The caller owns the reference. */
json_t *score_advice(const struct score_snapshot *s, const struct conf *conf);

#endif
