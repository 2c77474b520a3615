/* The reactor's Redis: one link for commands, one for subscriptions. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/redis.h"
#include "io/redis_link.h"

/* A subscription link mostly listens; this often it makes sure that it still hears. */
#define KEEP_ALIVE_MS 2000

struct channel {
	struct channel *next; /* in its bucket */
	struct redis_subscription *subscribers;
	bool resync;  /* tell them, once subscribed, that messages may be missing */
	bool calling; /* subscribers are being called: unlink none */
	char name[];
};

struct redis_subscription {
	struct redis_subscription *next;
	struct redis_async *ra;
	struct channel *channel;
	redis_message_fn *fn; /* NULL: unsubscribed while being called */
	void *arg;
};

struct redis_async {
	struct redis_link *commands, *listener;
	struct channel **buckets; /* hash of channels by name */
	size_t n_buckets, n_channels;
};

/* ---- commands ------------------------------------------------------------------ */

bool
redis_async_up(const struct redis_async *ra)
{
	return link_state(ra->commands) == LINK_UP;
}

bool
redis_async_command(
    struct redis_async *ra, redis_reply_fn *fn, void *arg, int argc, const char *const *argv, const size_t *lens)
{
	return link_command(ra->commands, fn, arg, false, argc, argv, lens);
}

void
redis_async_flush(struct redis_async *ra)
{
	link_flush(ra->commands);
}

bool
redis_async_busy(const struct redis_async *ra)
{
	return link_pending(ra->commands) != 0;
}

/* A script call, kept until it is answered because it may have to be sent in full. */
struct eval {
	struct redis_async *ra;
	redis_reply_fn *fn;
	void *arg;
	const struct redis_script *script;
	int argc;
	const char *argv[]; /* EVALSHA, digest, nkeys, …; the strings follow */
};

static void
eval_end(struct eval *e, const struct redis_reply *reply)
{
	if (e->fn != NULL)
		e->fn(e->arg, reply);
	free(e);
}

static void
on_eval_full(void *arg, const struct redis_reply *reply)
{
	eval_end(arg, reply);
}

static void
on_eval(void *arg, const struct redis_reply *reply)
{
	struct eval *e = arg;
	const char *text = redis_reply_text(reply, NULL);

	if (redis_reply_type(reply) != REDIS_T_ERROR) {
		eval_end(e, reply);
		return;
	}
	if (strncmp(text, "NOSCRIPT", 8) == 0) {
		e->argv[0] = "EVAL";
		e->argv[1] = e->script->source;
		if (link_command(e->ra->commands, on_eval_full, e, false, e->argc, e->argv, NULL))
			return;
	} else {
		LOG(ERROR, "redis_error", LS("command", "EVALSHA"), LS("detail", text));
	}
	eval_end(e, NULL);
}

bool
redis_async_eval(struct redis_async *ra, redis_reply_fn *fn, void *arg, const struct redis_script *script, int nkeys,
    int argc, const char *const *argv)
{
	size_t bytes = sizeof(struct eval) + (size_t)(argc + 3) * sizeof(char *) + 12;
	struct eval *e;
	char *text;

	if (!redis_async_up(ra))
		return false;
	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	e = xmalloc(bytes);
	*e = (struct eval){ ra, fn, arg, script, argc + 3 };
	text = (char *)&e->argv[argc + 3];
	e->argv[0] = "EVALSHA";
	e->argv[1] = script->sha1;
	e->argv[2] = text;
	text += snprintf(text, 12, "%d", nkeys) + 1;
	for (int i = 0; i < argc; i++) {
		e->argv[3 + i] = text;
		memcpy(text, argv[i], strlen(argv[i]) + 1);
		text += strlen(text) + 1;
	}
	return link_command(ra->commands, on_eval, e, true, e->argc, e->argv, NULL);
}

/* ---- channels -------------------------------------------------------------------- */

/* FNV-1a */
static struct channel **
bucket_of(struct redis_async *ra, const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return &ra->buckets[(h ^ h >> 32) & (ra->n_buckets - 1)];
}

static struct channel *
channel_find(struct redis_async *ra, const char *name)
{
	struct channel *c = *bucket_of(ra, name);

	while (c != NULL && strcmp(c->name, name) != 0)
		c = c->next;
	return c;
}

static void
rehash(struct redis_async *ra)
{
	struct channel **old = ra->buckets, *c, *next, **at;
	size_t n_old = ra->n_buckets;

	ra->n_buckets = n_old != 0 ? 4 * n_old : 64;
	ra->buckets = xcalloc(ra->n_buckets, sizeof(*ra->buckets));
	for (size_t i = 0; i < n_old; i++)
		for (c = old[i]; c != NULL; c = next) {
			next = c->next;
			at = bucket_of(ra, c->name);
			c->next = *at;
			*at = c;
		}
	free(old);
}

static struct channel *
channel_add(struct redis_async *ra, const char *name)
{
	size_t len = strlen(name) + 1;
	struct channel *c = xcalloc(1, sizeof(*c) + len), **at;

	if (ra->n_channels >= 2 * ra->n_buckets)
		rehash(ra);
	memcpy(c->name, name, len);
	at = bucket_of(ra, name);
	c->next = *at;
	*at = c;
	ra->n_channels++;
	/* While the link is down, up() will subscribe: messages pass unseen until then. */
	c->resync = link_state(ra->listener) != LINK_UP;
	link_send(ra->listener, 2, (const char *[]){ "SUBSCRIBE", name });
	return c;
}

/* Free `c` when nobody listens any more and nobody is being called. */
static void
channel_sweep(struct redis_async *ra, struct channel *c)
{
	struct redis_subscription **at = &c->subscribers, *sub;
	struct channel **in;

	if (c->calling)
		return;
	while ((sub = *at) != NULL) {
		if (sub->fn != NULL) {
			at = &sub->next;
			continue;
		}
		*at = sub->next;
		free(sub);
	}
	if (c->subscribers != NULL)
		return;
	for (in = bucket_of(ra, c->name); *in != c; in = &(*in)->next)
		;
	*in = c->next;
	ra->n_channels--;
	link_send(ra->listener, 2, (const char *[]){ "UNSUBSCRIBE", c->name });
	free(c);
}

static void
channel_call(struct redis_async *ra, struct channel *c, const char *payload, size_t len)
{
	c->calling = true;
	for (struct redis_subscription *sub = c->subscribers; sub != NULL; sub = sub->next)
		if (sub->fn != NULL)
			sub->fn(sub->arg, c->name, payload, len);
	c->calling = false;
	channel_sweep(ra, c);
}

/* ---- the listener's events ------------------------------------------------------ */

static void
on_listener_up(void *arg)
{
	struct redis_async *ra = arg;
	const char **argv;
	int argc = 1;

	if (ra->n_channels == 0)
		return;
	argv = xmalloc((ra->n_channels + 1) * sizeof(*argv));
	argv[0] = "SUBSCRIBE";
	for (size_t i = 0; i < ra->n_buckets; i++)
		for (struct channel *c = ra->buckets[i]; c != NULL; c = c->next) {
			c->resync = true;
			argv[argc++] = c->name;
		}
	link_send(ra->listener, argc, argv);
	free(argv);
}

static void
on_listener_push(void *arg, const struct redis_reply *reply)
{
	struct redis_async *ra = arg;
	const char *kind = redis_reply_text(redis_reply_at(reply, 0), NULL);
	const char *name = redis_reply_text(redis_reply_at(reply, 1), NULL);
	struct channel *c = kind != NULL && name != NULL ? channel_find(ra, name) : NULL;
	const char *payload;
	size_t len = 0;

	if (c == NULL)
		return; /* unsubscribed meanwhile, or "unsubscribe" itself */
	if (strcmp(kind, "message") == 0) {
		if ((payload = redis_reply_text(redis_reply_at(reply, 2), &len)) != NULL)
			channel_call(ra, c, payload, len);
	} else if (strcmp(kind, "subscribe") == 0 && c->resync) {
		c->resync = false;
		channel_call(ra, c, NULL, 0);
	}
}

static void
on_commands_up(void *arg)
{
	(void)arg;
}

static void
on_commands_push(void *arg, const struct redis_reply *reply)
{
	(void)arg;
	LOG(ERROR, "redis_unexpected_reply", LS("detail", redis_reply_text(reply, NULL)));
}

/* ---- subscriptions ----------------------------------------------------------------- */

struct redis_subscription *
redis_subscribe(struct redis_async *ra, const char *channel, redis_message_fn *fn, void *arg)
{
	struct redis_subscription *sub = xcalloc(1, sizeof(*sub));
	struct channel *c = channel_find(ra, channel);

	if (c == NULL)
		c = channel_add(ra, channel);
	*sub = (struct redis_subscription){ c->subscribers, ra, c, fn, arg };
	c->subscribers = sub;
	return sub;
}

void
redis_unsubscribe(struct redis_subscription *sub)
{
	if (sub == NULL)
		return;
	sub->fn = NULL;
	channel_sweep(sub->ra, sub->channel);
}

/* ---- the pair ------------------------------------------------------------------------ */

struct redis_async *
redis_async_new(struct reactor *reactor, const struct conf *conf)
{
	static const struct redis_link_events command_events = { on_commands_up, on_commands_push };
	static const struct redis_link_events listener_events = { on_listener_up, on_listener_push };
	struct redis_async *ra = xcalloc(1, sizeof(*ra));

	rehash(ra);
	ra->commands = link_new(reactor, conf, &command_events, ra);
	ra->listener = link_new(reactor, conf, &listener_events, ra);
	link_keep_alive(ra->listener, KEEP_ALIVE_MS);
	return ra;
}

void
redis_async_free(struct redis_async *ra)
{
	struct channel *c;
	struct redis_subscription *sub;

	if (ra == NULL)
		return;
	link_free(ra->commands);
	link_free(ra->listener);
	for (size_t i = 0; i < ra->n_buckets; i++)
		while ((c = ra->buckets[i]) != NULL) {
			while ((sub = c->subscribers) != NULL) {
				c->subscribers = sub->next;
				free(sub);
			}
			ra->buckets[i] = c->next;
			free(c);
		}
	free(ra->buckets);
	free(ra);
}
