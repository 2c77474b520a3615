/* An upstream of the wire gemini: see provider.h. */
#include "provider.h"
#include "wire/gemini/gemini.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return provider_read(&wire_gemini, true, data, size);
}
