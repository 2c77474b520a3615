#include "house/kinds.h"

#include <stddef.h>

#define KIND(name) extern const struct kind kind_##name;
#include "house/kinds.def"
#undef KIND

static const struct kind *const all[] = {
#define KIND(name) &kind_##name,
#include "house/kinds.def"
#undef KIND
	NULL,
};

const struct kind *const *
kinds_all(void)
{
	return all;
}
