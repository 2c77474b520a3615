/* OpenAI's chat completions in a client's own words: wire/own.h. */
#include <string.h>

#include "wire/openai/openai.h"
#include "wire/own.h"

bool
openai_own_ask(struct buf *out, const struct ask *ask)
{
	/* what the head or the wire says itself; what was refused but for saying nothing; and
	 * what would reach another model, or cost more than its price */
	static const char *const ours[] = { "model", "stream", "stream_options", "max_tokens", "max_completion_tokens",
		"n", "modalities", "web_search_options", "models", "fallbacks", "service_tier", NULL };

	return own_members(out, ask->own_words, ask->own_words_len, ours);
}

bool
openai_is_usage_alone(const char *chunk, size_t len)
{
	struct scan_text choices, usage;
	struct scan s;

	if (memmem(chunk, len, "\"usage\"", 7) == NULL || /* most chunks: no need to read those */
	    !own_find(chunk, len, (const char *const[]){ "choices", NULL }, &choices))
		return false;
	scan_init(&s, choices.at, choices.len);
	return scan_array(&s) && !scan_element(&s) &&
	    own_find(chunk, len, (const char *const[]){ "usage", NULL }, &usage);
}

void
openai_own_chunk(struct buf *out, const char *chunk, size_t len, const char *model)
{
	buf_puts(out, "data: ");
	own_rename(out, chunk, len, (const char *const[]){ "model", NULL }, model);
	buf_puts(out, "\n\n");
}
