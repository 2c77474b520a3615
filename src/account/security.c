#include "account/security.h"

#include <ctype.h>
#include <string.h>

#include "account/key_text.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "core/versions.h"

/* ---- the list ---------------------------------------------------------------------- */

/* $3 kind, $4 user, $5 key, $6 open: yes or no */
#define MATCHES \
	" ($3::text IS NULL OR e.kind = $3) AND ($4::uuid IS NULL OR e.user_id = $4) AND ($5::uuid IS NULL OR e.key_id = $5)" \
	" AND ($6::text IS NULL OR CASE $6 WHEN 'yes' THEN e.resolved_at IS NULL ELSE e.resolved_at IS NOT NULL END)"
#define EVENTS(than, order) \
	LIST_SQL("bigint", "SELECT FROM security_events e WHERE e.id = $1::bigint", \
	    "SELECT security_event_json(e) AS json, e.id AS at, e.id AS tie FROM security_events e WHERE e.id " than \
	    " " LIST_EDGE_INT(than) " AND" MATCHES, \
	    order)
#define SORTS(NUMBER, WORD) WORD(kind, "e.kind") NUMBER(resolved_at, LIST_TIME("e.resolved_at"))
#define SORTED(than, order) \
	LIST_SORTED_SQL("bigint", "$7", SORTS, "e.id", "FROM security_events e WHERE" MATCHES, "e.id DESC", \
	    "SELECT security_event_json(e) FROM security_events e WHERE e.id = s.id", than, order)
static const struct list events = { "security events", EVENTS("<", "DESC"), EVENTS(">", "ASC"), LIST_SORTS(SORTS),
	SORTED("<", "DESC"), SORTED(">", "ASC") };
const struct field security_query[] = {
	LIST_QUERY(F_INT, LIST_SORTS(SORTS)),
	{ "kind", F_CHOICE, 0, .choices = "new_model new_address failures size_jump overspeed leaked" },
	{ "user_id", F_UUID, 0 },
	{ "key_id", F_UUID, 0 },
	{ "open", F_CHOICE, 0, .choices = "yes no" },
	{ .name = NULL },
};

enum status
security_events_list(
    struct context *cx, const struct page *page, const struct security_filter *f, json_t **items, bool *more)
{
	return page_run(cx, page, &events, items, more, PS(f->kind), PS(f->user_id), PS(f->key_id), PS(f->open));
}

enum status
security_event_resolve(struct context *cx, int64_t id, const char *note, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "UPDATE security_events AS e SET resolved_at = coalesce(e.resolved_at, now()),"
	    " resolved_by = CASE WHEN e.resolved_at IS NULL THEN $2::uuid ELSE e.resolved_by END,"
	    " note = CASE WHEN e.resolved_at IS NULL THEN $3 ELSE e.note END"
	    " WHERE e.id = $1::bigint RETURNING security_event_json(e) AS json",
	    PI(id), PS(cx->caller.user_id), PS(note));

	if (st != OK)
		return fail(cx, st, "resolve security event: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "security event %lld", (long long)id);
	*out = row_json(rows, 0, "json");
	return OK;
}

/* ---- leaked keys ---------------------------------------------------------------------- */

/* Hashes as PostgreSQL writes an array. */
struct found {
	struct buf hashes;
	int64_t n;
};

static void
add_hash(struct found *f, const char *hex)
{
	buf_puts(&f->hashes, f->n++ == 0 ? "{" : ",");
	for (size_t i = 0; i < 2 * SHA256_BYTES; i++)
		buf_printf(&f->hashes, "%c", tolower((unsigned char)hex[i]));
}

static void
add_key(struct found *f, const char *key)
{
	unsigned char hash[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	crypto_sha256(key, KEY_TEXT_LEN - 1, hash);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	add_hash(f, hex);
}

/* Letters and digits in a row. */
static size_t
word_len(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && isalnum((unsigned char)*q))
		q++;
	return (size_t)(q - p);
}

static bool
is_hex(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)word[i]))
			return false;
	return true;
}

/* A key that begins where the prefix stands, whatever comes after it: its checksum tells. */
static bool
key_at(const char *p, const char *end, char key[KEY_TEXT_LEN])
{
	if (end - p < KEY_TEXT_LEN - 1 || memcmp(p, KEY_PREFIX, sizeof(KEY_PREFIX) - 1) != 0)
		return false;
	memcpy(key, p, KEY_TEXT_LEN - 1);
	key[KEY_TEXT_LEN - 1] = '\0';
	return key_text_is_whole(key);
}

static void
find_in(const char *text, size_t len, struct found *f)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		char key[KEY_TEXT_LEN];
		size_t word = word_len(p, end);

		if (word == 2 * SHA256_BYTES && is_hex(p, word)) {
			add_hash(f, p);
			p += word;
			continue;
		}
		/* the prefix may end a longer word: "keywk-..." */
		if (word >= 2 && key_at(p + word - 2, end, key)) {
			add_key(f, key);
			p += word - 2 + KEY_TEXT_LEN - 1;
			continue;
		}
		p += word > 0 ? word : 1;
	}
	if (f->n > 0)
		buf_puts(&f->hashes, "}");
}

static enum status
lock_found(struct context *cx, const struct found *f, struct leaks *out, json_t **locked)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT key_id, locked FROM api_keys_leaked($1::text[])", PS(buf_str(&f->hashes)));

	if (st != OK)
		return fail(cx, st, "lock leaked API keys: %s", pg_error(cx->pg));
	out->known = rows_count(rows);
	for (int i = 0; i < rows_count(rows); i++)
		if (row_bool(rows, i, "locked")) {
			out->locked++;
			json_array_append_new(*locked, json_string(row_text(rows, i, "key_id")));
		}
	if (out->locked > 0)
		versions_changed(cx);
	return OK;
}

enum status
leaks_import(struct context *cx, const char *text, size_t len, struct leaks *out, json_t **locked)
{
	struct found f = { .hashes = BUF_INIT(0) };
	enum status st = OK;

	*locked = json_array();
	find_in(text, len, &f);
	*out = (struct leaks){ .seen = f.n };
	if (f.n > 0)
		st = lock_found(cx, &f, out, locked);
	buf_free(&f.hashes);
	if (st != OK)
		json_decref(*locked);
	return st;
}
