#include "limits/slots.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* KEYS user, conversation, lock, agents
 * ARGV task, conversation ("": none), lease ms, limits of user, conversation and agents ("": no agent run)
 * 0 taken; 1 user full; 2 conversation full; 3 conversation locked; 4 agents full */
static const char acquire_lua[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local task, conv, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])\n"
    /* leases that ran out are swept only when they seem to be in the way */
    "local function full(key, member, limit)\n"
    "  limit = tonumber(limit)\n"
    "  if redis.call('ZCARD', key) < limit then return false end\n"
    "  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)\n"
    "  return redis.call('ZCARD', key) >= limit and not redis.call('ZSCORE', key, member)\n"
    "end\n"
    "local function take(key, member)\n"
    "  redis.call('ZADD', key, now + lease, member)\n"
    "  redis.call('PEXPIRE', key, lease)\n"
    "end\n"
    "if full(KEYS[1], task, ARGV[4]) then return 1 end\n"
    "if conv ~= '' and full(KEYS[2], task, ARGV[5]) then return 2 end\n"
    "if ARGV[6] ~= '' then\n"
    "  local owner = redis.call('GET', KEYS[3])\n"
    "  if owner and owner ~= task then return 3 end\n"
    "  if full(KEYS[4], conv, ARGV[6]) then return 4 end\n"
    "  redis.call('SET', KEYS[3], task, 'PX', lease)\n"
    "  take(KEYS[4], conv)\n"
    "end\n"
    "take(KEYS[1], task)\n"
    "if conv ~= '' then take(KEYS[2], task) end\n"
    "return 0\n";
static struct redis_script acquire_script = { .source = acquire_lua };

/* KEYS as above, ARGV task, conversation */
static const char release_lua[] = "redis.call('ZREM', KEYS[1], ARGV[1])\n"
				  "if ARGV[2] ~= '' then redis.call('ZREM', KEYS[2], ARGV[1]) end\n"
				  "if redis.call('GET', KEYS[3]) == ARGV[1] then\n"
				  "  redis.call('DEL', KEYS[3])\n"
				  "  redis.call('ZREM', KEYS[4], ARGV[2])\n"
				  "end\n"
				  "return 0\n";
static struct redis_script release_script = { .source = release_lua };

/* KEYS user, conversation */
static const char count_lua[] = "local t = redis.call('TIME')\n"
				"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
				"return { redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf'),\n"
				"         redis.call('ZCOUNT', KEYS[2], '(' .. now, '+inf') }\n";
static struct redis_script count_script = { .source = count_lua };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_scripts(void)
{
	redis_script_init(&acquire_script);
	redis_script_init(&release_script);
	redis_script_init(&count_script);
}

struct redis_script *
slot_release_script(void)
{
	pthread_once(&once, init_scripts);
	return &release_script;
}

void
slot_holder_init(
    struct slot_holder *holder, const char *user_id, const char *conversation_id, const char *task_id, bool agent)
{
	memset(holder, 0, sizeof(*holder));
	snprintf(holder->user_id, sizeof(holder->user_id), "%s", user_id);
	snprintf(holder->conversation_id, sizeof(holder->conversation_id), "%s",
	    conversation_id != NULL ? conversation_id : "");
	snprintf(holder->task_id, sizeof(holder->task_id), "%s", task_id);
	holder->agent = agent && conversation_id != NULL;
}

void
slot_keys(const struct conf *conf, const struct slot_holder *holder, char keys[SLOT_KEYS][SLOT_KEY_LEN])
{
	const char *prefix = conf->redis_prefix;

	snprintf(keys[SLOT_KEY_USER], SLOT_KEY_LEN, "%stask:%s:%s", prefix, holder->relay ? "relay" : "global",
	    holder->user_id);
	snprintf(keys[SLOT_KEY_CONVERSATION], SLOT_KEY_LEN, "%stask:conv:%s:%s", prefix, holder->user_id,
	    holder->conversation_id);
	snprintf(keys[SLOT_KEY_LOCK], SLOT_KEY_LEN, "%slock:conv:%s", prefix, holder->conversation_id);
	snprintf(keys[SLOT_KEY_AGENTS], SLOT_KEY_LEN, "%stask:agents:%s", prefix, holder->user_id);
}

enum status
slots_acquire(struct redis *r, const struct conf *conf, struct slot_holder *holder)
{
	static const enum status answers[] = { OK, E_TASK_QUEUE_FULL, E_CONVERSATION_QUEUE_FULL, E_CONVERSATION_BUSY,
		E_CONVERSATION_LIMIT };
	char keys[SLOT_KEYS][SLOT_KEY_LEN], lease[24], user[24], conversation[24], agents[24] = "";
	AUTO_REPLY struct redis_reply *reply = NULL;
	uint64_t answer;

	pthread_once(&once, init_scripts);
	slot_keys(conf, holder, keys);
	snprintf(lease, sizeof(lease), "%lld", (long long)conf->limits_slot_lease);
	snprintf(user, sizeof(user), "%lld",
	    (long long)(holder->relay ? conf->limits_relay_tasks : conf->limits_user_tasks));
	snprintf(conversation, sizeof(conversation), "%lld", (long long)conf->limits_conversation_tasks);
	if (holder->agent)
		snprintf(agents, sizeof(agents), "%lld", (long long)conf->limits_agent_conversations);
	if (redis_eval(r, &reply, &acquire_script, SLOT_KEYS, 10,
		(const char *[]){ keys[0], keys[1], keys[2], keys[3], holder->task_id, holder->conversation_id, lease,
		    user, conversation, agents }) != OK)
		return E_UNAVAILABLE;
	answer = (uint64_t)redis_reply_int(reply);
	if (answer >= sizeof(answers) / sizeof(answers[0])) /* or below zero: none of ours */
		return E_UNAVAILABLE;
	holder->held = answer == 0;
	return answers[answer];
}

void
slots_release(struct redis *r, const struct conf *conf, const struct slot_holder *holder)
{
	char keys[SLOT_KEYS][SLOT_KEY_LEN];
	enum status st;

	slot_keys(conf, holder, keys);
	st = redis_eval(r, NULL, slot_release_script(), SLOT_KEYS, 6,
	    (const char *[]){ keys[0], keys[1], keys[2], keys[3], holder->task_id, holder->conversation_id });
	(void)st; /* else the lease runs out */
}

/* The same numbers from the truth. */
static enum status
count_in_sql(struct pg *pg, const char *user_id, const char *conversation_id, int64_t *user_n, int64_t *conversation_n)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	st = pg_query_again(pg, &rows,
	    "SELECT count(*) AS user_n, count(*) FILTER (WHERE conversation_id = $2::uuid) AS conversation_n"
	    " FROM tasks WHERE user_id = $1::uuid AND completed_at IS NULL",
	    PS(user_id), PS(conversation_id));
	if (st != OK)
		return st;
	*user_n = row_int(rows, 0, "user_n");
	*conversation_n = row_int(rows, 0, "conversation_n");
	return OK;
}

enum status
slots_active(struct redis *r, struct pg *pg, const struct conf *conf, const char *user_id, const char *conversation_id,
    int64_t *user_n, int64_t *conversation_n)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	char keys[SLOT_KEYS][SLOT_KEY_LEN];
	struct slot_holder who;

	pthread_once(&once, init_scripts);
	slot_holder_init(&who, user_id, conversation_id, "", false);
	slot_keys(conf, &who, keys);
	if (redis_eval(r, &reply, &count_script, 2, 2,
		(const char *[]){ keys[SLOT_KEY_USER], keys[SLOT_KEY_CONVERSATION] }) != OK)
		return count_in_sql(pg, user_id, conversation_id, user_n, conversation_n);
	*user_n = redis_reply_int(redis_reply_at(reply, 0));
	*conversation_n = redis_reply_int(redis_reply_at(reply, 1));
	return OK;
}
