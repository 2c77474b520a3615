/* An upstream of the wire responses: see provider.h. */
#include "provider.h"
#include "wire/responses/responses.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return provider_read(&wire_responses, false, data, size);
}
