/* Blocking Redis for workers, reply trees, scripts, and the breaker. */
#include "io/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/redis_private.h"

/* ---- the breaker: one per process, closed while open_until_ms is 0 -------- */

static _Atomic int breaker_failures;
static _Atomic uint64_t all_failures;
static _Atomic int64_t breaker_open_until_ms;
static _Atomic bool breaker_probing;
static _Atomic int background_probes; /* links that find out by themselves when Redis is back */

bool
redis_available(void)
{
	int64_t until = atomic_load(&breaker_open_until_ms);

	return until == 0 || (atomic_load(&background_probes) == 0 && clock_mono_ms() >= until);
}

int
redis_breaker_state(void)
{
	if (atomic_load(&breaker_open_until_ms) == 0)
		return 0;
	return atomic_load(&breaker_probing) ? 2 : 1;
}

bool
redis_breaker_ask(const struct conf *conf)
{
	int64_t until = atomic_load(&breaker_open_until_ms);
	int64_t now;

	if (until == 0)
		return true;
	if (atomic_load(&background_probes) != 0)
		return false;
	now = clock_mono_ms();
	if (now < until)
		return false;
	/* One caller wins the probe.  Should it never report back, the next may
	 * probe after another pause. */
	if (!atomic_compare_exchange_strong(&breaker_open_until_ms, &until, now + conf->redis_breaker_open))
		return false;
	atomic_store(&breaker_probing, true);
	return true;
}

void
redis_breaker_background(int links)
{
	atomic_fetch_add(&background_probes, links);
}

void
redis_breaker_success(void)
{
	if (atomic_load(&breaker_failures) != 0)
		atomic_store(&breaker_failures, 0);
	if (atomic_load(&breaker_open_until_ms) == 0)
		return;
	atomic_store(&breaker_probing, false);
	if (atomic_exchange(&breaker_open_until_ms, 0) != 0)
		LOG(WARN, "redis_breaker_closed", LS("detail", "Redis answers again"));
}

uint64_t
redis_failures(void)
{
	return atomic_load(&all_failures);
}

void
redis_breaker_failure(const struct conf *conf, const char *what)
{
	int failures = atomic_fetch_add(&breaker_failures, 1) + 1;
	int64_t until = clock_mono_ms() + conf->redis_breaker_open;

	atomic_fetch_add(&all_failures, 1);
	if (atomic_load(&breaker_open_until_ms) != 0) {
		/* A probe failed (its winner set the next pause already), or
		 * something that began before: neither makes the pause longer. */
		atomic_store(&breaker_probing, false);
	} else if (failures >= conf->redis_breaker_failures && atomic_exchange(&breaker_open_until_ms, until) == 0) {
		LOG(ERROR, "redis_breaker_open", LS("detail", what), LI("failures", failures));
	}
}

/* ---- addresses, error replies ---------------------------------------------- */

void
redis_address_parse(const struct conf *conf, struct redis_address *out)
{
	const char *text = conf->redis_address, *colon = strrchr(text, ':');
	size_t len = strlen(text);

	memset(out, 0, sizeof(*out));
	out->port = 6379;
	out->is_path = text[0] == '/';
	if (!out->is_path && colon != NULL && (colon == strchr(text, ':') || colon[-1] == ']')) {
		out->port = (int)strtol(colon + 1, NULL, 10);
		len = (size_t)(colon - text);
	}
	if (!out->is_path && len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(out->host))
		len = sizeof(out->host) - 1;
	memcpy(out->host, text, len);
}

bool
redis_error_is_outage(const char *text)
{
	static const char *const outages[] = { "LOADING", "BUSY ", "OOM", "MISCONF", "READONLY", "MASTERDOWN", "NOAUTH",
		"WRONGPASS", "NOPERM", "CLUSTERDOWN", "ERR max number of clients", "ERR AUTH", "ERR invalid password" };

	for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++)
		if (strncmp(text, outages[i], strlen(outages[i])) == 0)
			return true;
	return false;
}

/* ---- replies: struct redis_reply is hiredis' redisReply under another name -- */

static const redisReply *
inner(const struct redis_reply *reply)
{
	return (const redisReply *)reply;
}

void
redis_reply_free(struct redis_reply *reply)
{
	if (reply != NULL)
		freeReplyObject(reply);
}

enum redis_type
redis_reply_type(const struct redis_reply *reply)
{
	if (reply == NULL)
		return REDIS_T_NIL;
	switch (inner(reply)->type) {
	case REDIS_REPLY_INTEGER: return REDIS_T_INT;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS: return REDIS_T_TEXT;
	case REDIS_REPLY_ARRAY: return REDIS_T_ARRAY;
	case REDIS_REPLY_ERROR: return REDIS_T_ERROR;
	default: return REDIS_T_NIL;
	}
}

int64_t
redis_reply_int(const struct redis_reply *reply)
{
	switch (redis_reply_type(reply)) {
	case REDIS_T_INT: return inner(reply)->integer;
	case REDIS_T_TEXT: return strtoll(inner(reply)->str, NULL, 10);
	default: return 0;
	}
}

const char *
redis_reply_text(const struct redis_reply *reply, size_t *len)
{
	enum redis_type type = redis_reply_type(reply);

	if (type != REDIS_T_TEXT && type != REDIS_T_ERROR)
		return NULL;
	if (len != NULL)
		*len = inner(reply)->len;
	return inner(reply)->str;
}

size_t
redis_reply_length(const struct redis_reply *reply)
{
	return redis_reply_type(reply) == REDIS_T_ARRAY ? inner(reply)->elements : 0;
}

const struct redis_reply *
redis_reply_at(const struct redis_reply *reply, size_t i)
{
	return i < redis_reply_length(reply) ? (const struct redis_reply *)inner(reply)->element[i] : NULL;
}

/* ---- blocking connections ---------------------------------------------------- */

struct redis {
	const struct conf *conf;
	struct redis_address address;
	redisContext *ctx; /* NULL: not connected */
	pid_t pid;	   /* who connected: a child must not share the stream */
	uint64_t spent_us;
};

struct redis *
redis_new(const struct conf *conf)
{
	struct redis *r = xcalloc(1, sizeof(*r));

	r->conf = conf;
	redis_address_parse(conf, &r->address);
	return r;
}

static void
disconnect(struct redis *r)
{
	if (r->ctx != NULL)
		redisFree(r->ctx);
	r->ctx = NULL;
}

void
redis_free(struct redis *r)
{
	if (r == NULL)
		return;
	disconnect(r);
	free(r);
}

/* One command on a fresh connection; false when Redis refuses it. */
static bool
greet(struct redis *r, const char *verb, const char *argument)
{
	redisReply *reply = redisCommand(r->ctx, "%s %s", verb, argument);
	bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;

	if (reply != NULL && !ok)
		LOG(ERROR, "redis_refused", LS("command", verb), LS("detail", reply->str));
	if (reply != NULL)
		freeReplyObject(reply);
	return ok;
}

static bool
connect_now(struct redis *r)
{
	struct timeval tv = { r->conf->redis_timeout / 1000, r->conf->redis_timeout % 1000 * 1000 };
	char database[24];

	r->ctx = r->address.is_path ? redisConnectUnixWithTimeout(r->address.host, tv)
				    : redisConnectWithTimeout(r->address.host, r->address.port, tv);
	if (r->ctx == NULL || r->ctx->err != 0)
		return false;
	r->pid = getpid();
	(void)fcntl(r->ctx->fd, F_SETFD, FD_CLOEXEC);
	if (redisSetTimeout(r->ctx, tv) != REDIS_OK)
		return false;
	if (r->conf->redis_password[0] != '\0' && !greet(r, "AUTH", r->conf->redis_password))
		return false;
	snprintf(database, sizeof(database), "%lld", (long long)r->conf->redis_database);
	return r->conf->redis_database == 0 || greet(r, "SELECT", database);
}

/* An idle connection has nothing to read; if it has, Redis closed it (or it is
 * out of step), and it can be replaced before anything is sent. */
static bool
is_stale(const struct redis *r)
{
	struct pollfd p = { .fd = r->ctx->fd, .events = POLLIN };

	return r->pid != getpid() || r->ctx->err != 0 || poll(&p, 1, 0) != 0;
}

static enum status
failed(struct redis *r, const char *what)
{
	char detail[160];

	snprintf(detail, sizeof(detail), "%s: %s", what,
	    r->ctx == NULL		 ? "out of memory"
		: r->ctx->err == 0	 ? "refused"
		: r->ctx->errstr[0] != 0 ? r->ctx->errstr
					 : "time-out");
	redis_breaker_failure(r->conf, detail);
	disconnect(r);
	return E_UNAVAILABLE;
}

/* Send and wait.  An error reply is handed back like any other. */
static enum status
ask(struct redis *r, redisReply **out, int argc, const char *const *argv, const size_t *lens)
{
	int64_t began_us;
	redisReply *reply;

	if (!redis_breaker_ask(r->conf))
		return E_UNAVAILABLE;
	began_us = clock_mono_us();
	if (r->ctx != NULL && is_stale(r))
		disconnect(r);
	if (r->ctx == NULL && !connect_now(r)) {
		r->spent_us += (uint64_t)(clock_mono_us() - began_us);
		return failed(r, "connect");
	}
	/* hiredis' prototype lacks the const; it does not write */
	reply = redisCommandArgv(r->ctx, argc, (const char **)(uintptr_t)argv, lens);
	r->spent_us += (uint64_t)(clock_mono_us() - began_us);
	if (reply == NULL)
		return failed(r, "command");
	if (reply->type == REDIS_REPLY_ERROR && redis_error_is_outage(reply->str)) {
		redis_breaker_failure(r->conf, reply->str);
		freeReplyObject(reply);
		return E_UNAVAILABLE;
	}
	redis_breaker_success();
	*out = reply;
	return OK;
}

/* Hand a reply to the caller, or log an error reply. */
static enum status
deliver(redisReply *got, struct redis_reply **reply, const char *verb)
{
	if (got->type == REDIS_REPLY_ERROR) {
		LOG(ERROR, "redis_error", LS("command", verb), LS("detail", got->str));
		freeReplyObject(got);
		return E_INTERNAL;
	}
	if (reply == NULL)
		freeReplyObject(got);
	else
		*reply = (struct redis_reply *)got;
	return OK;
}

enum status
redis_command(struct redis *r, struct redis_reply **reply, int argc, const char *const *argv, const size_t *lens)
{
	redisReply *got;
	enum status st = ask(r, &got, argc, argv, lens);

	return st == OK ? deliver(got, reply, argv[0]) : st;
}

uint64_t
redis_spent_us(const struct redis *r)
{
	return r->spent_us;
}

/* ---- scripts --------------------------------------------------------------- */

void
redis_script_init(struct redis_script *script)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(script->source, strlen(script->source), digest, &len, EVP_sha1(), NULL) != 1 || len != 20)
		abort();
	for (unsigned i = 0; i < len; i++) {
		script->sha1[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		script->sha1[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	script->sha1[40] = '\0';
}

#define EVAL_ARGS_MAX 64

enum status
redis_eval(struct redis *r, struct redis_reply **reply, const struct redis_script *script, int nkeys, int argc,
    const char *const *argv)
{
	const char *args[3 + EVAL_ARGS_MAX] = { "EVALSHA", script->sha1 };
	char count[12];
	redisReply *got;
	enum status st;

	if (argc > EVAL_ARGS_MAX)
		abort();
	snprintf(count, sizeof(count), "%d", nkeys);
	args[2] = count;
	for (int i = 0; i < argc; i++)
		args[3 + i] = argv[i];
	if ((st = ask(r, &got, 3 + argc, args, NULL)) != OK)
		return st;
	if (got->type == REDIS_REPLY_ERROR && strncmp(got->str, "NOSCRIPT", 8) == 0) {
		freeReplyObject(got);
		args[0] = "EVAL"; /* which also makes Redis remember it */
		args[1] = script->source;
		if ((st = ask(r, &got, 3 + argc, args, NULL)) != OK)
			return st;
	}
	return deliver(got, reply, "EVALSHA");
}
