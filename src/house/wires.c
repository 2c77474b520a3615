#include "house/wires.h"

#include "wire/openai/openai.h"

static const struct provider *const all[] = { &provider_openai, NULL };

const struct provider *const *
providers_all(void)
{
	return all;
}
