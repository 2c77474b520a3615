#include "engine/answer.h"

void
answer_init(struct answer *a, size_t max_bytes)
{
	*a = (struct answer){ .usage_input = -1, .usage_output = -1, .finish = FINISH_OTHER };
	a->text.max_bytes = a->reasoning.max_bytes = max_bytes;
}

void
answer_free(struct answer *a)
{
	buf_free(&a->text);
	buf_free(&a->reasoning);
	buf_free(&a->pending);
}

void
answer_try(struct answer *a)
{
	a->usage_input = a->usage_output = -1;
	a->finished = false;
	a->finish = FINISH_OTHER;
}

bool
answer_turns(const struct answer *a, bool reasoning)
{
	return a->pending.len > 0 && a->pending_reasoning != reasoning;
}

void
answer_add(struct answer *a, bool reasoning, const char *text, size_t len)
{
	if (len == 0)
		return;
	a->pending_reasoning = reasoning;
	if (buf_add(reasoning ? &a->reasoning : &a->text, text, len)) {
		buf_add(&a->pending, text, len);
	} else { /* longer than we keep: an answer that stops, and says so */
		a->finished = true;
		a->finish = FINISH_LENGTH;
	}
}

bool
answer_full(const struct answer *a)
{
	return a->text.overflow || a->reasoning.overflow;
}

const char *
answer_finish_name(const struct answer *a)
{
	static const char *const names[] = { "stop", "length", "content_filter", "other" };

	return a->finished ? names[a->finish] : NULL;
}
