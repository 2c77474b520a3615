/* An upstream of the wire anthropic: see provider.h. */
#include "provider.h"
#include "wire/anthropic/anthropic.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return provider_read(&wire_anthropic, false, data, size);
}
