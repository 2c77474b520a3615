#include "account/passwords.h"

#include <pthread.h>

#include "base/crypto.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static int64_t running, waiting;

/* Take a slot, waiting for it if one more worker may be spared. */
static bool
enter(const struct conf *conf)
{
	int64_t slots = conf->auth_hashing_slots, spare = conf->server_workers - 1 - slots;
	bool in;

	pthread_mutex_lock(&lock);
	in = running < slots || waiting < spare;
	if (in) {
		waiting++;
		while (running >= slots)
			pthread_cond_wait(&freed, &lock);
		waiting--;
		running++;
	}
	pthread_mutex_unlock(&lock);
	return in;
}

static void
leave(void)
{
	pthread_mutex_lock(&lock);
	running--;
	pthread_cond_signal(&freed);
	pthread_mutex_unlock(&lock);
}

static enum status
no_slot(struct context *cx)
{
	return fail(cx, E_OVERLOADED, "all hashing slots are taken and no worker can be spared to wait");
}

enum status
passwords_hash(struct context *cx, const char *password, char **out)
{
	if (!enter(cx->conf))
		return no_slot(cx);
	*out = password_hash(cx->arena, password);
	leave();
	return OK;
}

enum status
passwords_verify(struct context *cx, const char *password, const char *hash, bool *matches, bool *needs_rehash)
{
	if (!enter(cx->conf))
		return no_slot(cx);
	*matches = password_verify(password, hash, needs_rehash);
	leave();
	return OK;
}
