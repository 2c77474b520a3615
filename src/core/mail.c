#include "core/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ids.h"
#include "base/utf8.h"
#include "io/smtp.h"

/* An encoded word has at most 75 characters (RFC 2047 2): 42 bytes in base64
 * make 56, "=?UTF-8?B?" and "?=" the rest, and the line stays under 78. */
#define WORD_BYTES 42

bool
mail_configured(const struct conf *conf)
{
	return *conf->mail_smtp_url != '\0' || *conf->mail_spool != '\0';
}

/* ---- the message ------------------------------------------------------- */

static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x7f || (unsigned char)*s < 0x20)
			return false;
	return true;
}

static void
add_base64(struct buf *b, const unsigned char *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
		char quad[4] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
			n > 2 ? digits[v & 63] : '=' };

		buf_add(b, quad, sizeof(quad));
	}
}

/* A header's text: as it is when it is ASCII, else as encoded words that each
 * hold whole characters.  Line ends can only disappear: no header follows. */
static void
add_header(struct buf *b, const char *name, const char *text)
{
	size_t len = strlen(text), take;

	buf_printf(b, "%s:", name);
	if (is_ascii(text) && len < 900) {
		buf_printf(b, " %s\r\n", text);
		return;
	}
	for (size_t at = 0; at < len; at += take) {
		take = len - at < WORD_BYTES ? len - at : WORD_BYTES;
		take -= utf8_tail(text + at, take);
		if (take == 0)
			take = len - at; /* not UTF-8: all at once rather than never */
		buf_puts(b, at == 0 ? " =?UTF-8?B?" : "\r\n =?UTF-8?B?");
		add_base64(b, (const unsigned char *)text + at, take);
		buf_puts(b, "?=");
	}
	buf_puts(b, "\r\n");
}

static void
add_date(struct buf *b)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec" };
	time_t now = (time_t)clock_wall_s();
	struct tm tm;

	gmtime_r(&now, &tm);
	buf_printf(b, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
mail_compose(const struct conf *conf, const struct mail *m, struct buf *out)
{
	const char *at = strchr(conf->mail_from, '@');
	char id[UUID_LEN];

	uuid_v7(id);
	add_date(out);
	add_header(out, "From", conf->mail_from);
	add_header(out, "To", m->to);
	add_header(out, "Subject", m->subject);
	buf_printf(out, "Message-ID: <%s@%s>\r\n", id, at == NULL ? "localhost" : at + 1);
	buf_puts(out,
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n");
	for (const char *p = m->text, *end; *p != '\0'; p = *end == '\0' ? end : end + 1) {
		end = strchrnul(p, '\n');
		buf_add(out, p, (size_t)(end - p));
		buf_puts(out, "\r\n");
	}
}

/* ---- delivery ---------------------------------------------------------- */

static bool
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* One file, whole or not at all: others may be reading the folder. */
static enum status
spool(const struct conf *conf, const struct buf *message, const char **why)
{
	char id[UUID_LEN], part[4096], path[4096];
	bool ok;
	int fd;

	uuid_v7(id);
	snprintf(part, sizeof(part), "%s/.%s.part", conf->mail_spool, id);
	snprintf(path, sizeof(path), "%s/%s.eml", conf->mail_spool, id);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write_all(fd, message->data, message->len);
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	if (ok && rename(part, path) == 0)
		return OK;
	*why = strerrordesc_np(errno);
	unlink(part);
	return E_UNAVAILABLE;
}

enum status
mail_send(const struct conf *conf, const struct mail *m)
{
	struct buf message = BUF_INIT(0);
	const char *why = "neither [mail] smtp_url nor spool is set";
	enum status st = E_UNAVAILABLE;

	mail_compose(conf, m, &message);
	if (*conf->mail_smtp_url != '\0')
		st = smtp_send(conf->mail_smtp_url, conf->mail_from, m->to, message.data, message.len, &why);
	else if (*conf->mail_spool != '\0')
		st = spool(conf, &message, &why);
	if (st == OK)
		LOG(INFO, "mail_sent");
	else
		LOG(ERROR, "mail_failed", LS("reason", why));
	buf_free(&message);
	return st;
}
