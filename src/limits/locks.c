#include "limits/locks.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* KEYS lock, ARGV token, lease ms */
static const char extend_lua[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
				 "return redis.call('PEXPIRE', KEYS[1], ARGV[2])\n";
static struct redis_script extend_script = { .source = extend_lua };
/* KEYS lock, ARGV token */
static const char release_lua[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
				  "return redis.call('DEL', KEYS[1])\n";
static struct redis_script release_script = { .source = release_lua };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_scripts(void)
{
	redis_script_init(&extend_script);
	redis_script_init(&release_script);
}

/* SET key value NX PX ms.  E_CONFLICT: the key is there already. */
static enum status
set_once(struct redis *r, const char *key, const char *value, int64_t lease_ms)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	char lease[24];
	enum status st;

	snprintf(lease, sizeof(lease), "%lld", (long long)lease_ms);
	if ((st = redis_call(r, &reply, "SET", key, value, "NX", "PX", lease)) != OK)
		return st;
	return redis_reply_type(reply) == REDIS_T_TEXT ? OK : E_CONFLICT;
}

enum status
lock_acquire(struct redis *r, const struct conf *conf, const char *name, int64_t lease_ms, struct lock *out)
{
	struct lock lock;
	enum status st;

	snprintf(lock.key, sizeof(lock.key), "%slock:%s", conf->redis_prefix, name);
	uuid_v7(lock.token);
	if ((st = set_once(r, lock.key, lock.token, lease_ms)) == OK)
		*out = lock;
	return st;
}

enum status
lock_extend(struct redis *r, const struct lock *lock, int64_t lease_ms)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	char lease[24];
	enum status st;

	pthread_once(&once, init_scripts);
	snprintf(lease, sizeof(lease), "%lld", (long long)lease_ms);
	st = redis_eval(r, &reply, &extend_script, 1, 3, (const char *[]){ lock->key, lock->token, lease });
	if (st != OK)
		return st;
	return redis_reply_int(reply) == 1 ? OK : E_CONFLICT;
}

void
lock_release(struct redis *r, const struct lock *lock)
{
	enum status st;

	pthread_once(&once, init_scripts);
	st = redis_eval(r, NULL, &release_script, 1, 2, (const char *[]){ lock->key, lock->token });
	(void)st; /* else the lease runs out */
}

/* ---- the duplicate guard ------------------------------------------------------- */

/* {prefix}dup:{user}:{agent}:{project} holds the conversation's id.  A project
 * is free text of up to 200 characters. */
static void
duplicate_key(
    const struct conf *conf, const char *user_id, const char *agent_id, const char *project_id, char *key, size_t size)
{
	snprintf(key, size, "%sdup:%s:%s:%s", conf->redis_prefix, user_id, agent_id != NULL ? agent_id : "",
	    project_id != NULL ? project_id : "");
}

#define DUPLICATE_KEY_LEN 1100

static enum status
duplicate_in_sql(struct pg *pg, const struct conf *conf, const char *user_id, const char *agent_id,
    const char *project_id, char existing[UUID_LEN])
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	st = pg_query_again(pg, &rows,
	    "SELECT id FROM conversations WHERE user_id = $1::uuid AND agent_id IS NOT DISTINCT FROM $2::uuid"
	    " AND project_id IS NOT DISTINCT FROM $3 AND created_at > now() - make_interval(secs => $4 / 1000.0)"
	    " ORDER BY created_at DESC LIMIT 1",
	    PS(user_id), PS(agent_id), PS(project_id), PI(conf->limits_duplicate_window));
	if (st != OK)
		return st;
	if (rows_count(rows) == 0)
		return OK;
	snprintf(existing, UUID_LEN, "%s", row_text(rows, 0, "id"));
	return E_DUPLICATE_CONVERSATION;
}

enum status
duplicate_guard(struct redis *r, struct pg *pg, const struct conf *conf, const char *user_id, const char *agent_id,
    const char *project_id, const char *conversation_id, char existing[UUID_LEN])
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	char key[DUPLICATE_KEY_LEN];
	enum status st;

	if (conf->limits_duplicate_window == 0 || (agent_id == NULL && project_id == NULL))
		return OK;
	duplicate_key(conf, user_id, agent_id, project_id, key, sizeof(key));
	st = set_once(r, key, conversation_id, conf->limits_duplicate_window);
	if (st == OK)
		return OK;
	if (st == E_CONFLICT && redis_call(r, &reply, "GET", key) == OK &&
	    uuid_parse(redis_reply_text(reply, NULL), existing))
		return E_DUPLICATE_CONVERSATION;
	/* no Redis, or the key went away between the two calls */
	return duplicate_in_sql(pg, conf, user_id, agent_id, project_id, existing);
}

void
duplicate_forget(struct redis *r, const struct conf *conf, const char *user_id, const char *agent_id,
    const char *project_id, const char *conversation_id)
{
	char key[DUPLICATE_KEY_LEN];
	enum status st;

	if (agent_id == NULL && project_id == NULL)
		return;
	pthread_once(&once, init_scripts);
	duplicate_key(conf, user_id, agent_id, project_id, key, sizeof(key));
	st = redis_eval(r, NULL, &release_script, 1, 2, (const char *[]){ key, conversation_id });
	(void)st; /* else it is forgotten with the window */
}
