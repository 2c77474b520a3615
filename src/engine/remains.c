#include "engine/remains.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define KEY_LEN 160
#define PAGE_ENTRIES "256"

/* As in engine/journal.c. */
static void
journal_key_of(const struct conf *conf, const char *task_id, char key[KEY_LEN])
{
	snprintf(key, KEY_LEN, "%stask:%s:log", conf->redis_prefix, task_id);
}

/* The value of `name` in an entry's fields [name, value, …]. */
static const char *
field_of(const struct redis_reply *fields, const char *name, size_t *len)
{
	for (size_t i = 0; i + 1 < redis_reply_length(fields); i += 2) {
		const char *found = redis_reply_text(redis_reply_at(fields, i), NULL);

		if (found != NULL && strcmp(found, name) == 0)
			return redis_reply_text(redis_reply_at(fields, i + 1), len);
	}
	return NULL;
}

/* Add one entry [id, fields]. */
static void
take_entry(const struct redis_reply *entry, struct remains *rem)
{
	const struct redis_reply *fields = redis_reply_at(entry, 1);
	const char *kind = field_of(fields, "k", NULL), *text;
	size_t len = 0;

	if (kind == NULL || (*kind != 't' && *kind != 'r') || (text = field_of(fields, "t", &len)) == NULL ||
	    !utf8_valid(text, len) || memchr(text, '\0', len) != NULL)
		return;
	buf_add(*kind == 't' ? &rem->text : &rem->reasoning, text, len);
	rem->end = strtoull(redis_reply_text(redis_reply_at(entry, 0), NULL), NULL, 10);
}

static enum status
read_redis(struct redis *r, const struct conf *conf, const char *task_id, struct remains *rem)
{
	char key[KEY_LEN], from[64] = "-";
	enum status st;

	journal_key_of(conf, task_id, key);
	for (;;) {
		AUTO_REPLY struct redis_reply *page = NULL;
		size_t n;

		if ((st = redis_call(r, &page, "XRANGE", key, from, "+", "COUNT", PAGE_ENTRIES)) != OK)
			return st;
		if ((n = redis_reply_length(page)) == 0)
			return OK;
		for (size_t i = 0; i < n; i++)
			take_entry(redis_reply_at(page, i), rem);
		snprintf(
		    from, sizeof(from), "(%s", redis_reply_text(redis_reply_at(redis_reply_at(page, n - 1), 0), NULL));
	}
}

enum status
remains_read(
    struct redis *r, const struct conf *conf, const char *task_id, const char *checkpoints, struct remains *out)
{
	size_t len = checkpoints != NULL ? strlen(checkpoints) : 0;
	enum status st;

	memset(out, 0, sizeof(*out));
	out->text.max_bytes = out->reasoning.max_bytes = conf->chat_max_answer_bytes;
	st = read_redis(r, conf, task_id, out);
	if (len > out->text.len) {
		buf_clear(&out->text);
		buf_add(&out->text, checkpoints, len);
		if (out->end < len + out->reasoning.len)
			out->end = len + out->reasoning.len;
	}
	return st == OK ? OK : E_UNAVAILABLE;
}

void
remains_free(struct remains *rem)
{
	buf_free(&rem->text);
	buf_free(&rem->reasoning);
}

void
remains_close(
    struct redis *r, const struct conf *conf, const char *task_id, const struct remains *rem, const char *event_json)
{
	char key[KEY_LEN], id[40], start[24], window[24];
	enum status st;

	journal_key_of(conf, task_id, key);
	snprintf(id, sizeof(id), "%" PRIu64 "-1", rem->end);
	snprintf(start, sizeof(start), "%" PRIu64, rem->end);
	snprintf(window, sizeof(window), "%lld", (long long)conf->chat_resume_window);
	st = redis_call(r, NULL, "XADD", key, id, "k", "e", "o", start, "t", event_json);
	if (st == OK)
		st = redis_call(r, NULL, "PEXPIRE", key, window);
	(void)st; /* followers then find the end in PostgreSQL */
}
