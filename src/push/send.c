#include "push/send.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/webpush.h"
#include "media/ask.h"
#include "push/devices.h"
#include "push/key.h"

#define SEND_MS 20000
#define ANSWER_BYTES_MAX 65536
#define KEEP_S 86400 /* what is not delivered by then is of no interest any more */
#define VAPID_S 43200
#define FAILURES_MAX 10
#define TOPIC_BYTES 24 /* 32 characters of base64url: RFC 8030 5.4 */

/* What is said; by enum lang.  outcome NULL: any. */
static const struct {
	const char *about, *outcome, *title[2];
} texts[] = {
	{ "image", "completed", { "Your picture is ready", "图片已生成" } },
	{ "image", "failed", { "Your picture could not be made", "图片生成失败" } },
	{ "video", "completed", { "Your film is ready", "视频已生成" } },
	{ "video", "failed", { "Your film could not be made", "视频生成失败" } },
	{ "answer", "completed", { "Your answer is ready", "回答已完成" } },
	{ "answer", "failed", { "An answer could not be finished", "有一条回答未能完成" } },
	{ "documents", "completed", { "Your documents are ready", "文档已处理完成" } },
	{ "documents", "failed", { "A document could not be processed", "有文档处理失败" } },
	{ "test", NULL, { "Notifications work on this device", "此设备可以接收通知" } },
};

static const char *
title_of(const json_t *payload, enum lang lang)
{
	const char *about = field_text(payload, "about"), *outcome = field_text(payload, "outcome");

	for (size_t i = 0; about != NULL && i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].about, about) == 0 &&
		    (texts[i].outcome == NULL || (outcome != NULL && strcmp(texts[i].outcome, outcome) == 0)))
			return texts[i].title[lang];
	return NULL;
}

struct device {
	const char *id, *endpoint, *tag;
	struct webpush_browser browser;
	enum lang lang;
};

/* False: it is not there any more. */
static enum status
read_device(struct context *cx, const struct job *job, struct device *d, bool *found)
{
	AUTO_ROWS struct rows *rows = NULL;
	const unsigned char *p256dh, *auth;
	const char *locale;
	size_t len;
	enum status st;

	d->id = field_text(job->payload, "device_id");
	d->tag = field_text(job->payload, "tag");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT s.endpoint, s.p256dh, s.auth, u.locale FROM push_subscriptions s JOIN users u ON u.id = s.user_id"
	    " WHERE s.id = $1 AND s.user_id = $2 AND u.status = 'active'",
	    PS(d->id), PS(job->user_id));
	if (st != OK)
		return fail(cx, st, "read a device: %s", pg_error(cx->pg));
	*found = rows_count(rows) > 0 && d->tag != NULL;
	if (!*found)
		return OK;
	d->endpoint = arena_strdup(cx->arena, row_text(rows, 0, "endpoint"));
	locale = row_text(rows, 0, "locale");
	d->lang = locale != NULL && strncmp(locale, "zh", 2) == 0 ? LANG_ZH : LANG_EN;
	p256dh = row_bytes(rows, 0, "p256dh", cx->arena, &len);
	memcpy(d->browser.p256dh, p256dh, sizeof(d->browser.p256dh));
	auth = row_bytes(rows, 0, "auth", cx->arena, &len);
	memcpy(d->browser.auth, auth, sizeof(d->browser.auth));
	return OK;
}

/* The message as the device will read it, sealed; NULL: there is nothing to say, or no way to say it. */
static unsigned char *
message(struct context *cx, const struct job *job, const struct device *d, size_t *len)
{
	const char *title = title_of(job->payload, d->lang);
	json_t *j = json_pack(
	    "{s:s?, s:s?, s:s}", "title", title, "path", field_text(job->payload, "path"), "tag", d->tag);
	char *text = title == NULL || j == NULL ? NULL : json_dumps(j, JSON_WIRE);
	unsigned char *out = text == NULL ? NULL : webpush_encrypt(cx->arena, &d->browser, text, strlen(text), len);

	free(text);
	json_decref(j);
	return out;
}

static enum status
gave_up(struct context *cx, const struct device *d, bool is_gone, const struct exchange *e)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(
	    cx->pg, &rows, "SELECT push_refused($1, $2, $3) AS is_removed", PS(d->id), PB(is_gone), PI(FAILURES_MAX));

	if (st != OK)
		return fail(cx, st, "note a refused message: %s", pg_error(cx->pg));
	if (is_gone)
		LOG(INFO, "push_gone", LS("device_id", d->id), LI("http_status", e->http_status));
	else
		LOG(WARN, "push_refused", LS("device_id", d->id), LI("http_status", e->http_status),
		    LS("detail", e->result == HTTP_OK ? buf_str(&e->body) : e->detail),
		    LI("removed", row_bool(rows, 0, "is_removed")));
	return OK;
}

static enum status
judge(struct context *cx, struct job *job, const struct device *d, const struct exchange *e)
{
	int status = e->result == HTTP_OK || e->result == HTTP_TOO_LONG ? e->http_status : 0;
	enum status st;

	if (status / 100 == 2) {
		st = pg_query_again(cx->pg, NULL, "SELECT push_taken($1)", PS(d->id));
		return st == OK ? OK : fail(cx, st, "note a message: %s", pg_error(cx->pg));
	}
	if (status == 404 || status == 410)
		return gave_up(cx, d, true, e);
	/* what another try would not change */
	if (e->result == HTTP_FORBIDDEN || (status != 0 && status != 408 && status != 429 && status / 100 != 5))
		return gave_up(cx, d, false, e);
	if (job->attempt >= job->kind->tries)
		return gave_up(cx, d, false, e);
	return fail(cx, E_UNAVAILABLE, "the push service says %d %s", status, e->detail);
}

static enum status
post(struct context *cx, struct job *job, const struct device *d, const void *body, size_t len, const char *vapid)
{
	struct offer_account nobody = { .allow_private = cx->conf->push_allow_private };
	unsigned char hash[SHA256_BYTES];
	struct exchange *e = ARENA_NEW(cx->arena, struct exchange);
	const char *headers[] = { "Content-Type: application/octet-stream", "Content-Encoding: aes128gcm",
		"Urgency: normal", NULL, NULL, NULL, NULL };

	crypto_sha256(d->tag, strlen(d->tag), hash);
	headers[3] = arena_printf(cx->arena, "Topic: %s", crypto_base64url(cx->arena, hash, TOPIC_BYTES));
	headers[4] = arena_printf(cx->arena, "TTL: %d", KEEP_S);
	headers[5] = arena_printf(cx->arena, "Authorization: %s", vapid);
	*e = (struct exchange){ .account = &nobody,
		.rq = { .method = "POST", .url = d->endpoint, .headers = headers, .body = body, .body_len = len },
		.total_ms = SEND_MS,
		.max_bytes = ANSWER_BYTES_MAX,
		.job = job };
	exchange_run(cx, e);
	if (job_stopping(job))
		return fail(cx, E_INTERRUPTED, "the program is stopping");
	return judge(cx, job, d, e);
}

enum status
j_push(struct context *cx, struct job *job)
{
	struct device d = { 0 };
	struct p256_key key;
	unsigned char *body;
	const char *vapid;
	size_t len = 0;
	bool found = false;
	enum status st;

	if (!push_configured(cx->conf))
		return OK;
	if ((st = read_device(cx, job, &d, &found)) != OK || !found)
		return st;
	if ((st = push_key_open(cx, &key)) != OK)
		return st;
	if (!push_endpoint_fits(cx->conf, d.endpoint))
		return job_give_up(job, fail(cx, E_FORBIDDEN, "that is at an address that is not sent to"));
	body = message(cx, job, &d, &len);
	vapid = webpush_vapid(cx->arena, &key, d.endpoint, cx->conf->push_contact, clock_wall_ms() / 1000 + VAPID_S);
	if (body == NULL || vapid == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a message that cannot be made"));
	return post(cx, job, &d, body, len, vapid);
}
