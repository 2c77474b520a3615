/*
 * What a dead turn left behind: its journal (engine/journal.c), read from Redis
 * or, where Redis missed something, from table task_journal.
 */
#ifndef WEIR_ENGINE_REMAINS_H
#define WEIR_ENGINE_REMAINS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/status.h"
#include "io/redis.h"

struct remains {
	struct buf text, reasoning; /* what was delivered, as far as is known */
	uint64_t end;		    /* position after it: the reader's last event id */
};

/* Read them; `checkpoints` is the text task_journal has (NULL: none).  The
 * longer of the two tellings wins.  E_UNAVAILABLE when Redis cannot be asked;
 * *out then holds the checkpoints alone.  The caller owns the buffers. */
enum status remains_read(struct redis *r, const struct conf *conf, const char *task_id, const char *checkpoints,
    struct remains *out) MUST_CHECK;
void remains_free(struct remains *rem);
/* End the journal with the terminal event, so that those who follow it end
 * too, and let it expire.  Nothing without Redis. */
void remains_close(
    struct redis *r, const struct conf *conf, const char *task_id, const struct remains *rem, const char *event_json);

#endif
