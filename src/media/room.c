#include "media/room.h"

#include <stdatomic.h>

static _Atomic int64_t taken;

static void
give_back(void *arg)
{
	room_keep(arg, 0);
}

struct room *
room_take(struct arena *a, int64_t bytes)
{
	int64_t was = atomic_load(&taken);
	struct room *r;

	do {
		if (bytes > ROOM_BYTES - was)
			return NULL;
	} while (!atomic_compare_exchange_weak(&taken, &was, was + bytes));
	r = ARENA_NEW(a, struct room);
	r->bytes = bytes;
	arena_cleanup(a, give_back, r);
	return r;
}

void
room_keep(struct room *r, int64_t bytes)
{
	atomic_fetch_sub(&taken, r->bytes - bytes);
	r->bytes = bytes;
}
