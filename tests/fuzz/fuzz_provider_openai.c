/* An upstream of the wire openai: see provider.h. */
#include "provider.h"
#include "wire/openai/openai.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return provider_read(&wire_openai, false, data, size);
}
