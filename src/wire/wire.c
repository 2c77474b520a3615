#include "wire/wire.h"

#include <stdio.h>
#include <string.h>

static const struct provider *const *providers;

void
provider_register(const struct provider *const *all)
{
	providers = all;
}

const struct provider *
provider_find(const char *name)
{
	for (const struct provider *const *p = providers; p != NULL && *p != NULL; p++)
		if (name != NULL && strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

void
provider_failure_transport(struct provider_failure *out, enum status status, const char *detail)
{
	*out = (struct provider_failure){ .status = status, .retryable = true, .next_channel = true };
	snprintf(out->detail, sizeof(out->detail), "%s", detail == NULL ? "" : detail);
}
