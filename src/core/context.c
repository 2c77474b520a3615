#include "core/context.h"

#include <stdarg.h>
#include <string.h>

enum status
fail_with(struct context *cx, enum status st, json_t *details, const char *fmt, ...)
{
	va_list ap;

	cx->error = st;
	cx->message = status_text(st, cx->lang);
	cx->retry_after_s = 0;
	if (cx->details != NULL)
		json_decref(cx->details);
	cx->details = details;
	if (fmt != NULL) {
		va_start(ap, fmt);
		cx->log_detail = arena_vprintf(cx->arena, fmt, ap);
		va_end(ap);
	}
	return st;
}

enum status
fail(struct context *cx, enum status st, const char *fmt, ...)
{
	char *detail = NULL;
	va_list ap;

	if (fmt != NULL) {
		va_start(ap, fmt);
		detail = arena_vprintf(cx->arena, fmt, ap);
		va_end(ap);
	}
	return fail_with(cx, st, NULL, detail == NULL ? NULL : "%s", detail);
}

enum status
fail_field(struct context *cx, const char *field, const char *fmt, ...)
{
	char *problem;
	va_list ap;

	va_start(ap, fmt);
	problem = arena_vprintf(cx->arena, fmt, ap);
	va_end(ap);
	return fail_with(cx, E_INVALID_REQUEST, json_pack("{s:s, s:s}", "field", field, "problem", problem), "%s: %s",
	    field, problem);
}

void
fail_message(struct context *cx, const char *en, const char *zh)
{
	cx->message = arena_strdup(cx->arena, cx->lang == LANG_ZH ? zh : en);
}

void
fail_retry_after(struct context *cx, int seconds)
{
	cx->retry_after_s = seconds;
}

/* ---- effects -------------------------------------------------------------------- */

struct effect {
	struct effect *next;
	effect_fn *fn;
	void *arg;
	bool always;
};

static void
add(struct context *cx, effect_fn *fn, void *arg, bool always)
{
	struct effect **last = &cx->effects;

	if (!pg_in_transaction(cx->pg)) {
		fn(cx, arg);
		return;
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = ARENA_NEW(cx->arena, struct effect);
	**last = (struct effect){ .fn = fn, .arg = arg, .always = always };
}

void
after_commit(struct context *cx, effect_fn *fn, void *arg)
{
	add(cx, fn, arg, false);
}

void
after_end(struct context *cx, effect_fn *fn, void *arg)
{
	add(cx, fn, arg, true);
}

static void
ended(struct context *cx, bool committed)
{
	struct effect *e = cx->effects;

	if (pg_in_transaction(cx->pg)) /* an outer one decides */
		return;
	cx->effects = NULL;
	for (; e != NULL; e = e->next)
		if (committed || e->always)
			e->fn(cx, e->arg);
}

enum status
context_commit(struct context *cx)
{
	enum status st = pg_commit(cx->pg);

	ended(cx, st == OK);
	return st;
}

void
context_rollback(struct context *cx)
{
	pg_rollback(cx->pg);
	ended(cx, false);
}

/* ---- JSON ----------------------------------------------------------------------- */

json_t *
json_credits(int64_t ucr)
{
	return json_real((double)ucr / (double)UCR_PER_CREDIT);
}

static void
decref(void *j)
{
	json_decref(j);
}

json_t *
json_own(struct arena *a, json_t *j)
{
	if (j != NULL)
		arena_cleanup(a, decref, j);
	return j;
}
