/* Messages as they travel: headers that cannot be broken out of, text that arrives whole. */
#include "core/mail.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/utf8.h"
#include "tap.h"

static struct conf conf = { .mail_smtp_url = "", .mail_spool = "", .mail_from = "weir@mail.test" };

static int
set_up(void)
{
	log_init("test", LOG_ERROR);
	return 0;
}

/* The composed message of that subject and text; free() it. */
static char *
compose(const char *subject, const char *text)
{
	struct mail m = { .to = "a@b.example", .subject = subject, .text = text };
	struct buf b = BUF_INIT(0);

	mail_compose(&conf, &m, &b);
	return b.data;
}

static const char *
body(const char *message)
{
	const char *end = strstr(message, "\r\n\r\n");

	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	return end + 4;
}

static void
test_plain(void)
{
	char *m = compose("Hello", "one\ntwo\n");

	CU_ASSERT_EQUAL(strncmp(m, "Date: ", 6), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(m, " +0000\r\nFrom: weir@mail.test\r\nTo: a@b.example\r\nSubject: Hello\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(m, "@mail.test>\r\nMIME-Version: 1.0\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(m, "charset=UTF-8"));
	CU_ASSERT_STRING_EQUAL(body(m), "one\r\ntwo\r\n");
	free(m);
	m = compose("", "no line end");
	CU_ASSERT_STRING_EQUAL(body(m), "no line end\r\n");
	free(m);
	m = compose("", "");
	CU_ASSERT_STRING_EQUAL(body(m), "");
	free(m);
	m = compose("", "a\n\n.\nb\n");
	CU_ASSERT_STRING_EQUAL(body(m), "a\r\n\r\n.\r\nb\r\n");
	free(m);
}

static void
test_subject_is_encoded(void)
{
	char *m = compose("重置密码", "x\n");

	CU_ASSERT_PTR_NOT_NULL(strstr(m, "Subject: =?UTF-8?B?6YeN572u5a+G56CB?=\r\n"));
	free(m);
	m = compose("ä", "x\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(m, "Subject: =?UTF-8?B?w6Q=?=\r\n"));
	free(m);
}

static void
test_long_subject_is_folded(void)
{
	char subject[601] = "", *m, *line, *rest;
	size_t words = 0;

	for (int i = 0; i < 200; i++)
		memcpy(subject + 3 * i, "\xe4\xbd\xa0", 3);
	subject[600] = '\0';
	m = compose(subject, "x\n");
	line = strstr(m, "Subject:");
	for (char *next; (next = strstr(line, "\r\n")) != NULL && strstr(line, "=?UTF-8?B?") != NULL; line = next + 2) {
		*next = '\0';
		CU_ASSERT_TRUE(strlen(line) <= 78);
		rest = strstr(line, "?=");
		/* a multiple of 3 bytes: no character is cut between words */
		CU_ASSERT_EQUAL((rest - strstr(line, "B?") - 2) % 4, 0);
		words++;
	}
	CU_ASSERT_EQUAL(words, (600 + 41) / 42);
	free(m);
}

static void
test_header_cannot_be_broken_out_of(void)
{
	char *m = compose("Hi\r\nBcc: everybody@example.org\r\n\r\nbody", "x\n");

	CU_ASSERT_PTR_NULL(strstr(m, "Bcc:"));
	CU_ASSERT_STRING_EQUAL(body(m), "x\r\n");
	free(m);
	m = compose("broken \xff\xfe bytes", "x\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(m, "Subject: =?UTF-8?B?"));
	free(m);
}

static void
test_spool(void)
{
	struct mail m = { .to = "a@b.example", .subject = "s", .text = "t\n" };
	char folder[] = "/tmp/weir-mail-XXXXXX", path[300];
	struct dirent *entry;
	struct stat sb;
	int files = 0;
	DIR *d;

	CU_ASSERT_FALSE(mail_configured(&conf));
	CU_ASSERT_EQUAL(mail_send(&conf, &m), E_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	conf.mail_spool = folder;
	CU_ASSERT_TRUE(mail_configured(&conf));
	CU_ASSERT_EQUAL(mail_send(&conf, &m), OK);
	d = opendir(folder);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		files++;
		CU_ASSERT_PTR_NOT_NULL(strstr(entry->d_name, ".eml"));
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		CU_ASSERT_EQUAL(stat(path, &sb), 0);
		CU_ASSERT_EQUAL(sb.st_mode & 0777, 0600); /* it holds a reset link */
		unlink(path);
	}
	closedir(d);
	CU_ASSERT_EQUAL(files, 1);
	CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing half-written is left */
	CU_ASSERT_EQUAL(mail_send(&conf, &m), E_UNAVAILABLE);
	conf.mail_spool = "";
}

static CU_TestInfo tests[] = {
	{ "plain text", test_plain },
	{ "subjects are encoded", test_subject_is_encoded },
	{ "long subjects are folded between characters", test_long_subject_is_folded },
	{ "headers cannot be broken out of", test_header_cannot_be_broken_out_of },
	{ "the spool", test_spool },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "mail", set_up, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
