#include "wire/media.h"

#include <string.h>

#include "wire/kie/kie.h"
#include "wire/openai/openai.h"
#include "wire/tasks/tasks.h"

#define ID_BYTES_MAX 200

static const struct media_wire *const all[] = { &media_kie };

const struct media_wire *
media_wire_find(const char *provider)
{
	const struct quirks *q = provider == NULL ? NULL : quirks_find(provider);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (provider != NULL && strcmp(all[i]->provider, provider) == 0)
			return all[i];
	if (provider != NULL && task_wire_find(provider) != NULL)
		return task_wire_find(provider);
	return q != NULL && strcmp(q->wire, "openai") == 0 ? &media_openai : NULL;
}

bool
media_is_id(const char *id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = id == NULL ? 0 : strlen(id);

	return len > 0 && len <= ID_BYTES_MAX && strspn(id, letters) == len && strcmp(id, ".") != 0 &&
	    strcmp(id, "..") != 0;
}
