#include "engine/answer.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"

#define CALLS_MAX 256 /* of one answer */
#define OWN_FACTOR 8  /* bytes as it stands per byte of text */

void
answer_init(struct answer *a, size_t max_bytes)
{
	*a = (struct answer){ .usage = WIRE_USAGE_UNTOLD, .finish = FINISH_OTHER };
	a->text.max_bytes = a->reasoning.max_bytes = a->signature.max_bytes = max_bytes;
	a->own.max_bytes = max_bytes * OWN_FACTOR;
}

static void
free_calls(struct answer *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		free(a->calls[i].id);
		free(a->calls[i].name);
		buf_free(&a->calls[i].arguments);
		buf_free(&a->calls[i].signature);
	}
	free(a->calls);
	a->calls = NULL;
	a->n_calls = 0;
}

static void
forget_bytes(struct answer *a)
{
	buf_free(&a->bytes);
	a->bytes.overflow = false;
	free(a->bytes_type);
	a->bytes_type = NULL;
	a->bytes_pass = a->bytes_whole = false;
}

void
answer_take_bytes(struct answer *a, const char *type, bool pass)
{
	forget_bytes(a);
	a->bytes_type = xstrdup(type);
	a->bytes_pass = pass;
}

bool
answer_has_bytes(const struct answer *a)
{
	return a->bytes.len > 0 && (a->bytes_pass || a->bytes_whole);
}

void
answer_free(struct answer *a)
{
	buf_free(&a->text);
	buf_free(&a->reasoning);
	buf_free(&a->signature);
	buf_free(&a->pending);
	buf_free(&a->own);
	free(a->own_id);
	forget_bytes(a);
	free_calls(a);
}

void
answer_try(struct answer *a)
{
	a->usage = WIRE_USAGE_UNTOLD;
	a->finished = false;
	a->finish = FINISH_OTHER;
	buf_free(&a->own);
	a->own_before = a->own_due = 0;
	free(a->own_id);
	a->own_id = NULL;
	a->seal_id[0] = '\0';
	forget_bytes(a);
}

void
answer_name(struct answer *a, const char *id)
{
	free(a->own_id);
	a->own_id = xstrdup(id);
}

void
answer_add_own(struct answer *a, const char *text, size_t len)
{
	size_t from = a->own.len;

	a->own_before = from;
	buf_add(&a->own, text, len);
	for (; from < a->own.len; from++)
		if (a->own.data[from] == '\n' || a->own.data[from] == '\r')
			a->own.data[from] = ' ';
	buf_add(&a->own, "\n", 1);
}

bool
answer_pends(const struct answer *a)
{
	return a->pending.len > 0;
}

void
answer_own_due(struct answer *a, bool but_last)
{
	a->own_due = but_last ? a->own_before : a->own.len;
}

bool
answer_awaits(const struct answer *a)
{
	const struct answer_call *last = a->n_calls == 0 ? NULL : &a->calls[a->n_calls - 1];

	return last != NULL && last->name != NULL && last->arguments.len == 0;
}

bool
answer_turns(const struct answer *a, enum piece_kind kind, size_t call)
{
	/* a seal is whole, and two of them are two */
	return answer_pends(a) && (a->pending_kind != kind || a->pending_call != call || kind == PIECE_SIGNATURE);
}

/* Where a piece belongs: a seal to the call that it follows, or to what was thought or said. */
static struct buf *
place_of(struct answer *a, enum piece_kind kind)
{
	if (kind != PIECE_SIGNATURE)
		return kind == PIECE_REASONING ? &a->reasoning : &a->text;
	return a->pending_kind == PIECE_CALL ? &a->calls[a->pending_call].signature : &a->signature;
}

void
answer_add(struct answer *a, enum piece_kind kind, const char *text, size_t len)
{
	struct buf *whole = place_of(a, kind);

	if (len == 0 || whole->overflow)
		return;
	if (kind == PIECE_SIGNATURE)
		buf_clear(whole);
	a->pending_kind = kind;
	a->pending_call = 0;
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

/* The call of that number; those before it that nobody told of are empty. */
static struct answer_call *
find_call(struct answer *a, size_t call)
{
	if (call >= CALLS_MAX)
		return NULL;
	if (call >= a->n_calls) {
		a->calls = xrealloc(a->calls, (call + 1) * sizeof(*a->calls));
		for (; a->n_calls <= call; a->n_calls++)
			a->calls[a->n_calls] = (struct answer_call){ .arguments = BUF_INIT(a->text.max_bytes),
				.signature = BUF_INIT(a->text.max_bytes) };
	}
	return &a->calls[call];
}

bool
answer_add_call(struct answer *a, size_t call, const char *id, const char *name, const char *text, size_t len)
{
	struct answer_call *c = find_call(a, call);

	if (c == NULL || !buf_add(&c->arguments, text, len))
		return false;
	a->pending_kind = PIECE_CALL;
	a->pending_call = call;
	if (c->name == NULL && name != NULL) {
		c->name = xstrdup(name);
		c->id = xstrdup(id == NULL ? "" : id);
	}
	buf_add(&a->pending, text, len);
	return true;
}

struct piece
answer_piece(const struct answer *a)
{
	struct piece p = { .kind = a->pending_kind,
		.text = buf_str(&a->pending),
		.len = a->pending.len,
		.call = a->pending_call,
		.position = a->delivered };

	if (p.kind == PIECE_CALL && p.len > 0 && !a->calls[a->pending_call].is_begun) {
		p.id = a->calls[a->pending_call].id;
		p.name = a->calls[a->pending_call].name;
	}
	return p;
}

void
answer_given(struct answer *a)
{
	a->has_own |= a->own_due > 0;
	if (a->pending.len > 0 && a->pending_kind == PIECE_CALL)
		a->calls[a->pending_call].is_begun = true;
	buf_free(&a->pending); /* a stream waits most of the time */
	if (a->own_due < a->own.len)
		buf_consume(&a->own, a->own_due);
	else
		buf_free(&a->own);
	a->own_before = a->own_due = 0;
	if (a->bytes_pass)
		buf_free(&a->bytes);
}

bool
answer_says(const struct answer *a)
{
	return a->delivered > 0 || a->n_calls > 0 || (a->has_own && a->finished);
}

bool
answer_full(const struct answer *a)
{
	return a->text.overflow || a->reasoning.overflow;
}

const char *
answer_finish_name(const struct answer *a)
{
	static const char *const names[] = { "stop", "length", "content_filter", "tool_calls", "other" };

	return a->finished ? names[a->finish] : NULL;
}
