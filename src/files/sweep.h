/*
 * Files of uploads that nobody owns: their row or its user was deleted, or the
 * process that took them in died before it made the row.  And files that never
 * came in whole.
 */
#ifndef WEIR_FILES_SWEEP_H
#define WEIR_FILES_SWEEP_H

#include "core/sweep.h"

/* Remove them. */
enum status sweep_stale_uploads(struct sweeper *s);

#endif
