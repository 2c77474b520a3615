/*
 * How channels and their keys fare: what calls of late came to, for whoever
 * chooses among them.
 */
#ifndef WEIR_CATALOG_HEALTH_H
#define WEIR_CATALOG_HEALTH_H

#include <stdint.h>

struct health;

enum health_state {
	HEALTH_CLOSED,	  /* nothing against it */
	HEALTH_OPEN,	  /* it failed too often: not to be asked for now */
	HEALTH_HALF_OPEN, /* it may show whether it works again */
	HEALTH_OFF,	  /* its provider refuses the key */
};

struct health_view {
	enum health_state state;
	int64_t first_byte_ms; /* moving mean; 0: not known */
	int errors_per_mille;
	int64_t open_until_ms; /* wall clock; 0: not open */
	int64_t calls;
};

/* A channel's key (0: it has none) as it stands.  `h` NULL: closed, nothing known.  Any thread. */
void health_read(const struct health *h, int64_t channel_id, int64_t key_id, struct health_view *out);

#endif
