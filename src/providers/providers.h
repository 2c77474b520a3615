/* The adapters of this build. */
#ifndef WEIR_PROVIDERS_PROVIDERS_H
#define WEIR_PROVIDERS_PROVIDERS_H

#include "core/provider.h"

/* OpenAI chat completions, and what speaks like it. */
extern const struct provider provider_openai;

/* All of them, NULL-terminated, for provider_register(). */
const struct provider *const *providers_all(void);

#endif
