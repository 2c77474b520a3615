#include "catalog/offer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/pg.h"

struct offers {
	pthread_mutex_t reading; /* by one at a time: the others find what it has read */
	pthread_mutex_t lock;
	struct offer *newest;
};

/* ---- holding ------------------------------------------------------------------- */

static struct offer *
offer_ref(struct offer *o)
{
	atomic_fetch_add(&o->refs, 1);
	return o;
}

void
offer_unref(struct offer *o)
{
	if (o != NULL && atomic_fetch_sub(&o->refs, 1) == 1)
		arena_free(o->arena);
}

struct offers *
offers_new(void)
{
	struct offers *o = xcalloc(1, sizeof(*o));

	pthread_mutex_init(&o->reading, NULL);
	pthread_mutex_init(&o->lock, NULL);
	return o;
}

void
offers_free(struct offers *o)
{
	if (o == NULL)
		return;
	offer_unref(o->newest);
	pthread_mutex_destroy(&o->reading);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

struct offer *
offers_newest(struct offers *o)
{
	struct offer *newest;

	pthread_mutex_lock(&o->lock);
	newest = o->newest == NULL ? NULL : offer_ref(o->newest);
	pthread_mutex_unlock(&o->lock);
	return newest;
}

static enum status
read_newest(struct offers *o, struct pg *pg, const struct conf *conf, struct offer **out)
{
	struct offer *before, *read;
	enum status st;

	if ((st = offer_read(pg, conf, 0, &read)) != OK)
		return st;
	*out = offer_ref(read);
	pthread_mutex_lock(&o->lock);
	before = o->newest;
	o->newest = read;
	pthread_mutex_unlock(&o->lock);
	offer_unref(before);
	return OK;
}

enum status
offers_read(struct offers *o, struct pg *pg, const struct conf *conf, const char *version, struct offer **out)
{
	struct offer *newest;
	enum status st = OK;

	pthread_mutex_lock(&o->reading);
	newest = offers_newest(o);
	if (newest != NULL && version != NULL && strcmp(newest->version, version) == 0) {
		*out = newest;
	} else {
		offer_unref(newest);
		st = read_newest(o, pg, conf, out);
	}
	pthread_mutex_unlock(&o->reading);
	return st;
}

/* ---- finding ------------------------------------------------------------------- */

static int
compare_model(const void *id, const void *model)
{
	int64_t a = *(const int64_t *)id, b = ((const struct offer_model *)model)->id;

	return a < b ? -1 : a > b;
}

const struct offer_model *
offer_model(const struct offer *o, int64_t id)
{
	return bsearch(&id, o->models, o->n_models, sizeof(*o->models), compare_model);
}

const struct offer_model *
offer_model_named(const struct offer *o, const char *name)
{
	uint64_t at = strategy_affinity(name, strlen(name));

	for (;; at++) {
		uint32_t slot = o->by_name[at & (o->n_by_name - 1)];

		if (slot == 0)
			return NULL;
		if (strcmp(o->models[slot - 1].name, name) == 0)
			return &o->models[slot - 1];
	}
}

const struct offer_model *
offer_default(const struct offer *o)
{
	for (size_t i = 0; i < o->n_models; i++)
		if (o->models[i].is_default && o->models[i].is_chat)
			return &o->models[i];
	return NULL;
}

static int
compare_account(const void *id, const void *account)
{
	int64_t a = *(const int64_t *)id, b = ((const struct offer_account *)account)->id;

	return a < b ? -1 : a > b;
}

const struct offer_account *
offer_account(const struct offer *o, int64_t id)
{
	return bsearch(&id, o->accounts, o->n_accounts, sizeof(*o->accounts), compare_account);
}

const struct offer_key *
account_key(const struct offer_account *account)
{
	for (size_t i = 0; i < account->n_keys; i++)
		if (account->keys[i].is_active)
			return &account->keys[i];
	return account->n_keys > 0 ? &account->keys[0] : NULL;
}

enum strategy
offer_strategy(const struct offer_model *m, const char *group)
{
	for (size_t i = 0; i < m->n_group_strategies; i++)
		if (strcmp(m->group_strategies[i].group, group) == 0)
			return m->group_strategies[i].strategy;
	return m->strategy;
}
