#include "wire/media.h"

#include <string.h>

#include "wire/kie/kie.h"
#include "wire/openai/openai.h"

static const struct media_wire *const all[] = { &media_kie };

const struct media_wire *
media_wire_find(const char *provider)
{
	const struct quirks *q = provider == NULL ? NULL : quirks_find(provider);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (provider != NULL && strcmp(all[i]->provider, provider) == 0)
			return all[i];
	return q != NULL && strcmp(q->wire, "openai") == 0 ? &media_openai : NULL;
}
