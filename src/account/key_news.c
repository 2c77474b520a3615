#include "account/key_news.h"

#include <string.h>

#include "base/log.h"
#include "core/events.h"
#include "jobs/mailing.h"

/* What a rule of the watch found, in words. */
static const struct rule {
	const char *kind, *en, *zh;
} rules[] = {
	{ "new_model", "it asked for a model it never asked for before", "首次调用了从未使用过的模型" },
	{ "new_address", "it was used from a network it was never used from before", "从未使用过的网络发起了调用" },
	{ "failures", "many of its calls were refused", "大量调用被拒绝" },
	{ "size_jump", "its requests have become much larger", "请求体明显变大" },
	{ "overspeed", "it is used faster than is usual here", "调用速度超过阈值" },
	{ "leaked", "it was found in a list of leaked keys", "出现在泄露密钥列表中" },
};

/* An operator's own words as they are. */
static const char *
rule_text(const struct key_news *n, bool is_zh)
{
	for (size_t i = 0; n->rule != NULL && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].kind, n->rule) == 0)
			return is_zh ? rules[i].zh : rules[i].en;
	return n->rule != NULL ? n->rule : is_zh ? "未说明原因" : "no reason was told";
}

struct words {
	const char *title, *text;
};

static struct words
english(struct context *cx, const struct key_news *n)
{
	struct arena *a = cx->arena;

	switch (n->kind) {
	case KEY_NEWS_ENDS:
		return (struct words){ n->days == 1 ? "An API key ends tomorrow" : "An API key ends within a week",
			arena_printf(
			    a, "\"%s\" (%s...) is not accepted any more from %s on.", n->name, n->prefix, n->until) };
	case KEY_NEWS_UNCOLLECTED:
		return (struct words){ "A new API key waits to be collected",
			arena_printf(a, "\"%s\" (%s...) ends at %s, and the key in its place was not collected yet.",
			    n->name, n->prefix, n->until) };
	case KEY_NEWS_ROTATED:
		return (struct words){ "An API key was rotated",
			arena_printf(a,
			    "In the place of \"%s\" (%s...) there is a new key: collect it, once, among your API keys."
			    " The old one is accepted until %s.",
			    n->name, n->prefix, n->until) };
	case KEY_NEWS_ODD:
		return (struct words){ "Odd use of an API key",
			arena_printf(a, "\"%s\" (%s...): %s. If that was not you, rotate or revoke the key.", n->name,
			    n->prefix, rule_text(n, false)) };
	case KEY_NEWS_LOCKED:
		return (struct words){ "An API key was locked",
			arena_printf(a, "\"%s\" (%s...) is not accepted any more: %s.", n->name, n->prefix,
			    rule_text(n, false)) };
	case KEY_NEWS_UNLOCKED: break;
	}
	return (struct words){ "An API key is no longer locked",
		arena_printf(a, "\"%s\" (%s...) is accepted again.", n->name, n->prefix) };
}

static struct words
chinese(struct context *cx, const struct key_news *n)
{
	struct arena *a = cx->arena;

	switch (n->kind) {
	case KEY_NEWS_ENDS:
		return (struct words){ n->days == 1 ? "API 密钥将于明天到期" : "API 密钥将于一周内到期",
			arena_printf(a, "“%s”（%s…）将于 %s 失效。", n->name, n->prefix, n->until) };
	case KEY_NEWS_UNCOLLECTED:
		return (struct words){ "新的 API 密钥尚未领取",
			arena_printf(
			    a, "“%s”（%s…）将于 %s 失效，替换它的新密钥尚未领取。", n->name, n->prefix, n->until) };
	case KEY_NEWS_ROTATED:
		return (struct words){ "API 密钥已自动轮换",
			arena_printf(a, "“%s”（%s…）已由新密钥替换，请在 API 密钥页面领取（仅一次）。旧密钥有效至 %s。",
			    n->name, n->prefix, n->until) };
	case KEY_NEWS_ODD:
		return (struct words){ "API 密钥使用异常",
			arena_printf(a, "“%s”（%s…）：%s。如非本人操作，请轮换或吊销该密钥。", n->name, n->prefix,
			    rule_text(n, true)) };
	case KEY_NEWS_LOCKED:
		return (struct words){ "API 密钥已被锁定",
			arena_printf(a, "“%s”（%s…）已停用：%s。", n->name, n->prefix, rule_text(n, true)) };
	case KEY_NEWS_UNLOCKED: break;
	}
	return (struct words){ "API 密钥已解除锁定", arena_printf(a, "“%s”（%s…）已恢复使用。", n->name, n->prefix) };
}

enum status
key_news_tell(struct context *cx, const struct key_news *n)
{
	bool is_zh = n->locale != NULL && strncmp(n->locale, "zh", 2) == 0;
	struct words w = is_zh ? chinese(cx, n) : english(cx, n);
	struct mail m = { .to = n->email, .subject = w.title };

	events_tell(cx, n->user_id, "notification", json_pack("{s:s, s:s}", "title", w.title, "text", w.text));
	if (n->email == NULL || !mail_configured(cx->conf))
		return OK;
	m.text = arena_printf(
	    cx->arena, "%s\n\n%s\n\n%s\n", is_zh ? "您好！" : "Hello,", w.text, cx->conf->server_base_url);
	return mail_submit(cx, &m, n->user_id);
}
