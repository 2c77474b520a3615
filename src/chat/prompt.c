#include "chat/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/tokens.h"
#include "base/utf8.h"
#include "chat/attachments.h"
#include "chat/tools.h"

#define MESSAGE_TOKENS 8    /* a message's frame on the wire, beyond its text */
#define DOCUMENTS_TOKENS 64 /* what is said of documents as such */
#define RESULT_LEAST 1024   /* bytes of what a tool said that are never cut to make room */
#define RESULT_CUT "[The rest was cut off: there is no room for it.]"
#define MEDIA_TOKENS 1600 /* an image or clip, as providers count them at most */

static int64_t
part_tokens(const struct ask_part *p)
{
	if (p->kind != ASK_TEXT && p->kind != ASK_CALL && p->kind != ASK_RESULT)
		return MEDIA_TOKENS;
	return tokens_estimate(p->text, strlen(p->text)) +
	    (p->kind == ASK_TEXT ? 0 : MESSAGE_TOKENS + tokens_estimate(p->name, strlen(p->name)));
}

static int64_t
message_tokens(const struct ask_message *m)
{
	int64_t tokens = MESSAGE_TOKENS;

	for (size_t i = 0; i < m->n_parts; i++)
		tokens += part_tokens(&m->parts[i]);
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

/* Neither an answer nor what came of its calls. */
static bool
is_question(const struct ask_message *m)
{
	return strcmp(m->role, "user") == 0 && (m->n_parts == 0 || m->parts[0].kind != ASK_RESULT);
}

/* Where the part of the history begins that fits beside `tokens`, which grow by
 * it.  The oldest goes first; what is left starts with a question, never with the
 * answer to one left out.  `tail`: so many messages at the end are counted already. */
static size_t
fit_history(const struct turn_plan *plan, const struct history *h, size_t tail, int64_t *tokens)
{
	int64_t budget = plan->model.context_tokens - plan->model.max_output_tokens;
	size_t earlier = h->n - tail, first = 0;

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
	while (first < earlier && !is_question(&h->messages[first]))
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

/* The longest result of a tool in these messages; NULL: none is worth being cut. */
static struct ask_part *
longest_result(const struct ask_message *m, size_t n)
{
	struct ask_part *longest = NULL;
	size_t most = RESULT_LEAST;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m[i].n_parts; k++)
			if (m[i].parts[k].kind == ASK_RESULT && strlen(m[i].parts[k].text) > most) {
				longest = &m[i].parts[k];
				most = strlen(longest->text);
			}
	return longest;
}

/* What the question must have of the history: itself, or what tools said for it, of which as much as fits. */
static int64_t
tail_tokens(struct context *cx, const struct history *h, size_t tail, int64_t room)
{
	struct ask_message *m;
	struct ask_part *result;
	int64_t tokens;

	if (tail == 0) /* a new question, and perhaps nothing before it */
		return 0;
	m = h->messages + h->n - tail;
	for (;;) {
		tokens = 0;
		for (size_t i = 0; i < tail; i++)
			tokens += message_tokens(&m[i]);
		if (tokens <= room || (result = longest_result(m, tail)) == NULL)
			return tokens;
		result->text = arena_printf(cx->arena, "%.*s\n" RESULT_CUT,
		    (int)(strlen(result->text) / 2 - utf8_tail(result->text, strlen(result->text) / 2)), result->text);
	}
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
	size_t tail = q->content == NULL ? h->tail : 0, n = 0, first;
	enum status st;

	if ((st = check_abilities(cx, plan, q)) != OK)
		return st;
	name_documents(cx, plan, h);
	if (plan->tools == NULL)
		tools_in_words(cx->arena, h->messages, h->n);
	*tokens = plan->tools == NULL ? 0 : plan->tools->tokens;
	if (system != NULL)
		*tokens += MESSAGE_TOKENS + tokens_estimate(system, strlen(system));
	if (q->content != NULL)
		*tokens += message_tokens(&question);
	*tokens += tail_tokens(cx, h, tail, plan->model.context_tokens > 0 ? budget - *tokens : INT64_MAX);
	if (plan->model.context_tokens > 0 && *tokens > budget)
		return fail_field(cx, "content", "is too long for the model (about %lld of %lld tokens)",
		    (long long)*tokens, (long long)budget);
	if ((st = put_documents(cx, plan, budget, &documents, tokens)) != OK)
		return st;
	if ((system = documents == NULL ? system : system_prompt(cx, plan, documents)) != NULL)
		m[n++] = make_message(cx->arena, "system", system, &(struct question){ .content = NULL });
	first = fit_history(plan, h, tail, tokens);
	if (h->n > first)
		memcpy(m + n, h->messages + first, (h->n - first) * sizeof(*m));
	n += h->n - first;
	if (q->content != NULL)
		m[n++] = question;
	*out = (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = m, .n_messages = n } };
	out->chat.temperature = plan->temperature;
	out->chat.top_p = plan->top_p;
	if (plan->tools != NULL) {
		out->chat.tools = plan->tools->asked;
		out->chat.n_tools = plan->tools->n;
		out->chat.choice = plan->tools->is_over ? CHOICE_NONE : CHOICE_AUTO;
	}
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
