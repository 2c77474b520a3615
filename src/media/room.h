/* How much memory the pictures may take that jobs of this process hold: many such jobs run at once. */
#ifndef WEIR_MEDIA_ROOM_H
#define WEIR_MEDIA_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* Of all jobs of a process together. */
#define ROOM_BYTES (INT64_C(512) << 20)

/* What one job has of it. */
struct room {
	int64_t bytes;
};

/* Take `bytes`, until the arena ends or room_keep() says otherwise; NULL: there is not so much left, come again.  Any
 * thread. */
struct room *room_take(struct arena *a, int64_t bytes);
/* It turned out to be so much, at most what was taken: give the rest back. */
void room_keep(struct room *r, int64_t bytes);

#endif
