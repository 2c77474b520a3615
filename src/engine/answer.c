#include "engine/answer.h"

#include "base/utf8.h"

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
	struct buf *whole = reasoning ? &a->reasoning : &a->text;

	if (len == 0 || whole->overflow)
		return;
	a->pending_reasoning = reasoning;
	if (!buf_add(whole, text, len)) { /* longer than we keep: an answer that stops, and says so */
		len = whole->max_bytes - whole->len;
		len -= utf8_tail(text, len);
		a->finished = true;
		a->finish = FINISH_LENGTH;
		buf_add(whole, text, len);
		whole->overflow = true;
	}
	buf_add(&a->pending, text, len);
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
