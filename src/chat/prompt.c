#include "chat/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/tokens.h"
#include "chat/attachments.h"

#define MESSAGE_TOKENS 8    /* a message's frame on the wire, beyond its text */
#define DOCUMENTS_TOKENS 64 /* what is said of documents as such */
#define MEDIA_TOKENS 1600   /* an image or clip, as providers count them at most */

static int64_t
message_tokens(const struct ask_message *m)
{
	int64_t tokens = MESSAGE_TOKENS;

	for (size_t i = 0; i < m->n_parts; i++)
		tokens += m->parts[i].kind == ASK_TEXT ? tokens_estimate(m->parts[i].text, strlen(m->parts[i].text))
						       : MEDIA_TOKENS;
	return tokens;
}

static enum status
check_abilities(struct context *cx, const struct turn_plan *plan, const struct question *q)
{
	if (q->n_images > 0 && !(plan->model.abilities & ABILITY_VISION))
		return fail_field(cx, q->images_field, "the model %s takes no images", plan->model.name);
	if (q->video_url != NULL && !(plan->model.abilities & ABILITY_VIDEO))
		return fail_field(cx, "video_url", "the model %s takes no video", plan->model.name);
	if (q->audio_url != NULL && !(plan->model.abilities & ABILITY_AUDIO))
		return fail_field(cx, "audio_url", "the model %s takes no audio", plan->model.name);
	return OK;
}

/* Where the part of the history begins that fits beside `tokens`, which grow by
 * it.  The oldest goes first; what is left starts with a question, never with the
 * answer to one left out.  `last`: the last message is counted already. */
static size_t
fit_history(const struct turn_plan *plan, const struct history *h, bool last, int64_t *tokens)
{
	int64_t budget = plan->model.context_tokens - plan->model.max_output_tokens;
	size_t earlier = h->n - last, first = 0;

	if (plan->context_messages >= 0 && (size_t)plan->context_messages < earlier)
		first = earlier - (size_t)plan->context_messages;
	for (size_t i = earlier; i > first; i--) {
		*tokens += message_tokens(&h->messages[i - 1]);
		if (plan->model.context_tokens > 0 && *tokens > budget) {
			*tokens -= message_tokens(&h->messages[i - 1]);
			first = i;
			break;
		}
	}
	while (first < earlier && strcmp(h->messages[first].role, "assistant") == 0)
		*tokens -= message_tokens(&h->messages[first++]);
	return first;
}

/* A message of a text, its pictures, a film and a sound. */
static struct ask_message
make_message(struct arena *a, const char *role, const char *text, const struct question *q)
{
	const struct ask_part files[] = { { .kind = ASK_VIDEO, .url = q->video_url },
		{ .kind = ASK_AUDIO, .url = q->audio_url } };
	struct ask_message m = {
		.role = role, .parts = ARENA_ARRAY(a, struct ask_part, 3 + q->n_images), .n_parts = 1
	};

	m.parts[0] = (struct ask_part){ .kind = ASK_TEXT, .text = text };
	for (size_t i = 0; i < q->n_images; i++)
		m.parts[m.n_parts++] = (struct ask_part){ .kind = ASK_IMAGE, .url = q->image_urls[i] };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].url != NULL)
			m.parts[m.n_parts++] = files[i];
	return m;
}

/* The conversation's prompt, or its agent's or assistant's, the documents of the conversation, and the sources of the
 * question, as far as there are; NULL: none. */
static const char *
system_prompt(struct context *cx, const struct turn_plan *plan, const char *documents)
{
	const char *const all[] = { plan->prompt, documents, plan->sources };
	struct buf text = BUF_INIT(0);

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i] != NULL && *all[i] != '\0')
			buf_printf(&text, "%s%s", text.len > 0 ? "\n\n" : "", all[i]);
	if (text.data != NULL)
		arena_cleanup(cx->arena, free, text.data);
	return text.data;
}

/* What the documents may take beside `tokens`, and the texts of those that go along; *tokens grows by them. */
static enum status
put_documents(struct context *cx, const struct turn_plan *plan, int64_t budget, const char **out, int64_t *tokens)
{
	int64_t room = cx->conf->chat_files_tokens, more;
	enum status st;

	*out = NULL;
	if (plan->files == NULL)
		return OK;
	if (plan->model.context_tokens > 0 && budget - *tokens - DOCUMENTS_TOKENS < room)
		room = budget - *tokens - DOCUMENTS_TOKENS;
	if ((st = files_choose(cx, plan->files, room, &more)) != OK || (st = files_prompt(cx, plan->files, out)) != OK)
		return st;
	*tokens += more + DOCUMENTS_TOKENS;
	return OK;
}

/* The words of the messages that have documents name them. */
static void
name_documents(struct context *cx, const struct turn_plan *plan, const struct history *h)
{
	for (size_t i = 0; plan->files != NULL && i < h->n; i++)
		h->messages[i].parts[0].text = files_named(cx->arena, plan->files, i, h->messages[i].parts[0].text);
}

/* The system prompt and the question always stay. */
static enum status
make_ask(struct context *cx, const struct turn_plan *plan, const struct question *q, const struct history *history,
    struct ask *out, int64_t *tokens)
{
	const struct history none = { .n = 0 }, *h = history == NULL ? &none : history;
	struct ask_message *m = ARENA_ARRAY(cx->arena, struct ask_message, h->n + 2);
	const char *content = q->content == NULL ? NULL : files_named(cx->arena, plan->files, h->n, q->content);
	struct ask_message question = make_message(cx->arena, "user", content, q);
	int64_t budget = plan->model.context_tokens - plan->model.max_output_tokens;
	const char *documents, *system = system_prompt(cx, plan, NULL);
	bool again = q->content == NULL && h->n > 0;
	size_t n = 0, first;
	enum status st;

	if ((st = check_abilities(cx, plan, q)) != OK)
		return st;
	name_documents(cx, plan, h);
	*tokens = 0;
	if (system != NULL)
		*tokens += MESSAGE_TOKENS + tokens_estimate(system, strlen(system));
	if (q->content != NULL || again)
		*tokens += message_tokens(again ? &h->messages[h->n - 1] : &question);
	if (plan->model.context_tokens > 0 && *tokens > budget)
		return fail_field(cx, "content", "is too long for the model (about %lld of %lld tokens)",
		    (long long)*tokens, (long long)budget);
	if ((st = put_documents(cx, plan, budget, &documents, tokens)) != OK)
		return st;
	if ((system = documents == NULL ? system : system_prompt(cx, plan, documents)) != NULL)
		m[n++] = make_message(cx->arena, "system", system, &(struct question){ .content = NULL });
	first = fit_history(plan, h, again, tokens);
	if (h->n > first)
		memcpy(m + n, h->messages + first, (h->n - first) * sizeof(*m));
	n += h->n - first;
	if (q->content != NULL)
		m[n++] = question;
	*out = (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = m, .n_messages = n } };
	out->chat.temperature = plan->temperature;
	out->chat.top_p = plan->top_p;
	return attachments_inline(cx, m, n, q->content != NULL ? q : NULL);
}

enum status
prompt_call(struct context *cx, const struct turn_plan *plan, const struct question *q, const struct history *history,
    struct call *call, int64_t *tokens)
{
	struct call_limits limits = call_limits_of(cx->conf);
	struct ask *ask = ARENA_NEW(cx->arena, struct ask);
	enum status st;

	if (plan->timeout_ms > 0)
		limits.first_byte_ms = plan->timeout_ms;
	if ((st = make_ask(cx, plan, q, history, ask, tokens)) != OK)
		return st;
	st = call_prepare(call,
	    &(struct call_ask){ .ask = ask,
		.model = &plan->model,
		.fallback = plan->fallback,
		.limits = limits,
		.stream = true,
		.traceparent = cx->traceparent },
	    cx->arena);
	return st == OK ? OK : fail(cx, st, "no wire can say this");
}
