#include "account/reset_mail.h"

#include <string.h>

#include "jobs/mailing.h"

/* Behind '#', so that the token stands in no server's log. */
static const char *
reset_link(struct context *cx, const char *token)
{
	const char *base = cx->conf->server_base_url;

	return arena_printf(cx->arena, "%.*s/reset#token=%s", (int)conf_site_len(cx->conf), base, token);
}

enum status
reset_mail_submit(struct context *cx, const struct password_reset *reset)
{
	const char *link = reset_link(cx, reset->token);
	long long minutes = cx->conf->auth_reset_ttl / 60000;
	struct mail m = { .to = reset->email };

	if (strncmp(reset->locale, "zh", 2) == 0) {
		m.subject = "重置密码";
		m.text = arena_printf(cx->arena,
		    "您好！\n\n有人（可能是您本人）请求为 %s 重置密码。\n请打开以下链接设置新密码：\n\n%s\n\n"
		    "该链接仅可使用一次，%lld 分钟内有效。\n如果不是您本人操作，请忽略本邮件，您的密码不会改变。\n",
		    reset->email, link, minutes);
	} else {
		m.subject = "Set a new password";
		m.text = arena_printf(cx->arena,
		    "Hello,\n\nsomebody, probably you, asked to set a new password for %s.\n"
		    "This link lets you do so:\n\n%s\n\nIt works once, within %lld minutes.\n"
		    "If it was not you, nothing needs to be done: your password stays as it is.\n",
		    reset->email, link, minutes);
	}
	return mail_submit(cx, &m, reset->user_id);
}
