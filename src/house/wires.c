#include "house/wires.h"

#include <stddef.h>

#define WIRE(name) extern const struct wire wire_##name;
#include "house/wires.def"
#undef WIRE

static const struct wire *const all[] = {
#define WIRE(name) &wire_##name,
#include "house/wires.def"
#undef WIRE
	NULL,
};

const struct wire *const *
wires_all(void)
{
	return all;
}
