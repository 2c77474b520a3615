/* knowledge/parse: real files through the real weir-parse, and what becomes of those that misbehave. */
#include "knowledge/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "parse/frame.h"
#include "tap.h"

static struct conf conf = { .knowledge_parse_timeout = 60000,
	.knowledge_parse_cpu = 30000,
	.knowledge_parse_memory = 1u << 30,
	.knowledge_parse_text_bytes = 32u << 20,
	.knowledge_parse_pages = 5000 };
static struct context cx = { .conf = &conf };
static char program[4096];

static int
set_up(void)
{
	const char *build = getenv("WEIR_BUILD_DIR");

	log_init("test", LOG_ERROR);
	snprintf(program, sizeof(program), "%s/weir-parse", build == NULL ? "." : build);
	conf.knowledge_parser = program;
	return access(program, X_OK);
}

/* A file of tests/data/kbfiles. */
static int
data_file(const char *name)
{
	const char *src = getenv("srcdir");
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/tests/data/kbfiles/%s", src == NULL ? "." : src, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

/* A file with these bytes. */
static int
made_file(const char *bytes, size_t len)
{
	int fd = memfd_create("document", MFD_CLOEXEC);

	CU_ASSERT_FATAL(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	return fd;
}

/* What becomes of a file, which is closed; it lives until the next call. */
static struct parsed
parse_with(int fd, const char *name, const char *password, const char *lang)
{
	struct parsed out;

	arena_free(cx.arena);
	cx.arena = arena_new(4096, 1u << 20); /* far less than a text may have */
	CU_ASSERT_EQUAL(parse_document(&cx, fd, name, password, lang, NULL, NULL, &out), OK);
	close(fd);
	return out;
}

static struct parsed
parse_data(const char *name)
{
	return parse_with(data_file(name), name, NULL, "en");
}

static struct parsed
parse_text(const char *text, const char *name, const char *lang)
{
	return parse_with(made_file(text, strlen(text)), name, NULL, lang);
}

static bool
is(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- the files ---- */

static const struct {
	const char *name, *kind, *code;
	int pages;
	const char *text; /* of which the text has this; NULL beside a code */
} expected[] = {
	{ "two-different-pages.pdf", "pdf", NULL, 2, "1\n\f2\n" },
	{ "multilang.pdf", "pdf", NULL, 1, "你好世界" },
	{ "imagemagick-CCITTFaxDecode.pdf", "pdf", "no_text_layer", 1, NULL },
	{ "libreoffice-writer-password.pdf", "pdf", "encrypted", 0, NULL },
	{ "bad7.pdf", "pdf", "damaged", 0, NULL },
	{ "bad25.pdf", "pdf", "no_text_layer", 1, NULL },
	{ "issue-100.pdf", "pdf", "damaged", 0, NULL },
	{ "many-nulls.pdf", "pdf", "damaged", 0, NULL },
	{ "encrypted-40-bit-R3.pdf", "pdf", "encrypted", 0, NULL },
	{ "made-zh-unembedded-font.pdf", "pdf", NULL, 1, "知识库测试：中文字体未嵌入" },
	{ "blk-paras-and-tables.docx", "docx", NULL, 0, "| --- |" },
	{ "tbl-having-tables.docx", "docx", "empty", 0, NULL },
	{ "doc-word-default-blank.docx", "docx", "empty", 0, NULL },
	{ "made-alternate-path-zh.docx", "docx", NULL, 0, "第一章 安装" },
	{ "made-xxe.docx", "docx", NULL, 0, "before after\n" },
	{ "made-zip-bomb.docx", NULL, "too_large", 0, NULL },
	{ "txt-text.pptx", "pptx", NULL, 2, "Foo Bar" },
	{ "shp-embedded-xlsx.xlsx", "xlsx", NULL, 1, "# Sheet1\n\n| 1 |\n| --- |\n| 2 |\n| 3 |\n" },
	{ "made-gbk-no-charset.html", "html", NULL, 0, "# 安装说明\n\n这个页面没有声明字符编码" },
};

static void
test_files(void)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		struct parsed p = parse_data(expected[i].name);
		bool as_expected = is(p.code, expected[i].code) && is(p.kind, expected[i].kind) &&
		    p.pages == expected[i].pages &&
		    (expected[i].text == NULL
			    ? p.text == NULL && p.len == 0
			    : p.text != NULL && strstr(p.text, expected[i].text) != NULL && strlen(p.text) == p.len);

		CU_ASSERT_TRUE(as_expected);
		if (!as_expected)
			printf("# %s: kind %s, %d pages, code %s (%s): %.300s\n", expected[i].name,
			    p.kind == NULL ? "?" : p.kind, p.pages, p.code == NULL ? "none" : p.code,
			    p.detail == NULL ? "" : p.detail, p.text == NULL ? "" : p.text);
	}
}

static void
test_password(void)
{
	struct parsed p;
	char too_long[3000];

	p = parse_with(data_file("libreoffice-writer-password.pdf"), "a.pdf", "openpassword", "en");
	CU_ASSERT_PTR_NULL(p.code);
	CU_ASSERT_TRUE(p.len > 0);
	p = parse_with(data_file("libreoffice-writer-password.pdf"), "a.pdf", "wrong", "en");
	CU_ASSERT_TRUE(is(p.code, "encrypted"));
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	p = parse_with(data_file("libreoffice-writer-password.pdf"), "a.pdf", too_long, "en");
	CU_ASSERT_TRUE(is(p.code, "encrypted"));
}

/* By content, not by name; the name tells plain texts apart. */
static void
test_types(void)
{
	struct parsed p = parse_with(data_file("txt-text.pptx"), "report.txt", NULL, "en");

	CU_ASSERT_TRUE(is(p.kind, "pptx"));
	p = parse_text("# One\n\ntwo\n", "a.md", "en");
	CU_ASSERT_TRUE(is(p.kind, "md"));
	CU_ASSERT_TRUE(is(p.title, "One"));
	p = parse_text("a,b\n1,2\n", "a.CSV", "en");
	CU_ASSERT_TRUE(is(p.kind, "csv"));
	CU_ASSERT_TRUE(is(p.text, "| a | b |\n| --- | --- |\n| 1 | 2 |\n"));
	p = parse_text("a,b\n1,2\n", NULL, "en");
	CU_ASSERT_TRUE(is(p.kind, "txt"));
	CU_ASSERT_TRUE(is(p.text, "a,b\n1,2\n"));
	p = parse_text("<!DOCTYPE html><title>T</title><p>x", "a.txt", "en");
	CU_ASSERT_TRUE(is(p.kind, "html"));
	CU_ASSERT_TRUE(is(p.title, "T"));
	p = parse_text("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 old", "a.docx", "en");
	CU_ASSERT_TRUE(is(p.code, "encrypted_or_legacy"));
	p = parse_text("{\\rtf1 x}", "a.txt", "en");
	CU_ASSERT_TRUE(is(p.code, "unsupported_type"));
	p = parse_with(made_file("a\0\1\2\3b\0\4", 8), "a.txt", NULL, "en");
	CU_ASSERT_TRUE(is(p.code, "unsupported_type"));
	p = parse_with(made_file("", 0), "a.txt", NULL, "en");
	CU_ASSERT_TRUE(is(p.code, "empty"));
	p = parse_text("x", "odd; --name.$(id)", "en");
	CU_ASSERT_PTR_NULL(p.code);
}

/* The same bytes read otherwise by who reads Chinese. */
static void
test_language(void)
{
	static const char gbk[] = "\xC5\xE4\xD6\xC3"; /* 配置, too short for any guess */
	struct parsed p = parse_text(gbk, "a.txt", "zh");

	CU_ASSERT_TRUE(is(p.text, "配置\n"));
	p = parse_text("caf\xE9 cr\xE8me br\xFBl\xE9"
		       "e\n",
	    "a.txt", "en");
	CU_ASSERT_TRUE(is(p.text, "café crème brûlée\n"));
}

/* ---- those that misbehave ---- */

static void
test_form_bomb(void)
{
	struct parsed p;
	int64_t began_ms = clock_mono_ms();

	conf.knowledge_parse_cpu = 2000;
	p = parse_data("made-pdf-form-bomb.pdf");
	conf.knowledge_parse_cpu = 30000;
	CU_ASSERT_TRUE(is(p.code, "took_too_long") || is(p.code, "too_large"));
	CU_ASSERT_PTR_NULL(p.text);
	CU_ASSERT_PTR_NOT_NULL(p.detail);
	CU_ASSERT_TRUE(clock_mono_ms() - began_ms < 40000);
}

static void
test_timeout(void)
{
	struct parsed p;
	int64_t began_ms = clock_mono_ms();

	conf.knowledge_parse_timeout = 1000;
	p = parse_data("made-pdf-form-bomb.pdf");
	conf.knowledge_parse_timeout = 60000;
	CU_ASSERT_TRUE(is(p.code, "took_too_long"));
	CU_ASSERT_TRUE(clock_mono_ms() - began_ms < 5000);
}

static void
test_limits(void)
{
	static char long_text[200000];
	struct parsed p;

	memset(long_text, 'x', sizeof(long_text) - 1);
	conf.knowledge_parse_text_bytes = 65536;
	p = parse_text(long_text, "a.txt", "en");
	CU_ASSERT_TRUE(is(p.code, "too_large"));
	p = parse_text(long_text, "a.html", "en");
	CU_ASSERT_TRUE(is(p.code, "too_large"));
	conf.knowledge_parse_text_bytes = 32u << 20;
	conf.knowledge_parse_pages = 1;
	p = parse_data("two-different-pages.pdf");
	CU_ASSERT_TRUE(is(p.code, "too_large"));
	p = parse_data("txt-text.pptx");
	CU_ASSERT_TRUE(is(p.code, "too_large"));
	conf.knowledge_parse_pages = 5000;
}

/* Text that is larger than the arena that it lives as long as. */
static void
test_large_text(void)
{
	size_t len = 8u << 20;
	char *text = malloc(len + 1);
	struct parsed p;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (size_t i = 0; i < len; i++)
		text[i] = i % 80 == 79 ? '\n' : 'a' + (char)(i % 26);
	text[len] = '\0';
	p = parse_text(text, "a.txt", "en");
	CU_ASSERT_PTR_NULL(p.code);
	CU_ASSERT_TRUE(p.len >= len && p.len <= len + 1);
	CU_ASSERT_TRUE(p.text != NULL && memcmp(p.text, text, len) == 0);
	free(text);
}

static int asked;

static bool
at_third_time(void *arg)
{
	CU_ASSERT_PTR_EQUAL(arg, &asked);
	return ++asked >= 3;
}

static void
test_cancel(void)
{
	int fd = data_file("made-pdf-form-bomb.pdf");
	int64_t began_ms = clock_mono_ms();
	struct parsed out;

	CU_ASSERT_EQUAL(parse_document(&cx, fd, "a.pdf", NULL, "en", at_third_time, &asked, &out), E_CANCELLED);
	CU_ASSERT_EQUAL(asked, 3);
	CU_ASSERT_TRUE(clock_mono_ms() - began_ms < 3000);
	CU_ASSERT_PTR_NULL(out.text);
	close(fd);
}

/* ---- programs that are none, and one that was taken over ---- */

static char script[64];

static void
write_script(const char *text)
{
	int fd;

	snprintf(script, sizeof(script), "/tmp/weir-parse-test.XXXXXX");
	fd = mkstemp(script);
	CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, 0700) == 0);
	close(fd);
	conf.knowledge_parser = script;
}

static void
remove_script(void)
{
	unlink(script);
	conf.knowledge_parser = program;
}

static enum status
run_script(const char *text, struct parsed *out)
{
	int fd = made_file("x", 1);
	enum status st;

	write_script(text);
	st = parse_document(&cx, fd, "a.txt", NULL, "en", NULL, NULL, out);
	remove_script();
	close(fd);
	return st;
}

static void
test_missing(void)
{
	int fd = made_file("x", 1);
	struct parsed out;

	conf.knowledge_parser = "/nowhere/weir-parse";
	CU_ASSERT_EQUAL(parse_document(&cx, fd, "a.txt", NULL, "en", NULL, NULL, &out), E_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(cx.log_detail, "/nowhere/weir-parse"));
	conf.knowledge_parser = program;
	close(fd);
	CU_ASSERT_EQUAL(run_script("#!/bin/sh\necho no sandbox here >&2\nexit 71\n", &out), E_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(cx.log_detail, "no sandbox here"));
}

static void
test_frames(void)
{
	static const char *const odd[] = {
		"exit 0",
		"exit 1", /* as a library may */
		"echo weir-parse 1",
		"printf 'weir-parse 1\\ntext 5\\n\\nabc'",	       /* less than it says */
		"printf 'weir-parse 1\\ntext 2\\n\\nabc'",	       /* more */
		"printf 'weir-parse 1\\ntext 3\\n\\na\\001c'",	       /* a control character */
		"printf 'weir-parse 1\\ntext 3\\n\\na\\377c'",	       /* no UTF-8 */
		"printf 'weir-parse 1\\ncode strange\\ntext 0\\n\\n'", /* no code of ours */
		"printf 'weir-parse 2\\ntext 1\\n\\na'",
		"printf 'weir-parse 1\\n\\na'",
		"kill -SEGV $$",
	};
	char text[200];
	struct parsed out;

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", odd[i]);
		CU_ASSERT_EQUAL(run_script(text, &out), OK);
		CU_ASSERT_TRUE(is(out.code, "parser_failed"));
		CU_ASSERT_PTR_NULL(out.text);
	}
	CU_ASSERT_EQUAL(
	    run_script("#!/bin/sh\nprintf 'weir-parse 1\\nkind exe\\npages -4\\ntext 3\\n\\nabc'\n", &out), OK);
	CU_ASSERT_TRUE(is(out.text, "abc"));
	CU_ASSERT_PTR_NULL(out.kind);
	CU_ASSERT_EQUAL(out.pages, 0);
}

/* One that says all and stays, and one that says too much, are killed. */
static void
test_stays(void)
{
	int64_t began_ms = clock_mono_ms();
	struct parsed out;

	CU_ASSERT_EQUAL(
	    run_script("#!/bin/sh\nprintf 'weir-parse 1\\ntext 1\\n\\na'\nexec >&- 2>&-\nexec sleep 60\n", &out), OK);
	CU_ASSERT_TRUE(is(out.text, "a"));
	conf.knowledge_parse_text_bytes = 65536;
	CU_ASSERT_EQUAL(
	    run_script("#!/bin/sh\nwhile :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done\n", &out), OK);
	conf.knowledge_parse_text_bytes = 32u << 20;
	CU_ASSERT_TRUE(is(out.code, "parser_failed"));
	CU_ASSERT_TRUE(clock_mono_ms() - began_ms < 20000);
}

/* ---- several at once, as weir-worker's threads do ---- */

#define THREADS 6
#define EACH 8

/* How many of them came out right. */
static void *
parse_some(void *arg)
{
	struct context mine = { .conf = &conf, .arena = arena_new(4096, 1u << 20) };
	intptr_t right = 0;

	for (int i = 0; i < EACH; i++) {
		char text[64];
		struct parsed out;
		int fd = memfd_create("document", MFD_CLOEXEC);
		int len = snprintf(text, sizeof(text), "thread %d, document %d\n", (int)(intptr_t)arg, i);

		if (write(fd, text, (size_t)len) == len &&
		    parse_document(&mine, fd, "a.txt", NULL, "en", NULL, NULL, &out) == OK && is(out.text, text))
			right++;
		close(fd);
	}
	arena_free(mine.arena);
	return (void *)right;
}

static void
test_threads(void)
{
	pthread_t threads[THREADS];
	void *right;

	for (intptr_t i = 0; i < THREADS; i++)
		thread_start(&threads[i], parse_some, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &right);
		CU_ASSERT_EQUAL((intptr_t)right, EACH);
	}
}

/* ---- nothing stays behind ---- */

/* weir-parse dies with the process that waits for it.  It becomes this one's, which takes in orphans. */
static void
test_orphan(void)
{
	int status, fd = data_file("made-pdf-form-bomb.pdf");
	struct parsed out;
	pid_t worker, left;

	CU_ASSERT_EQUAL_FATAL(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	worker = fork();
	CU_ASSERT_FATAL(worker >= 0);
	if (worker == 0)
		_exit(parse_document(&cx, fd, "a.pdf", NULL, "en", NULL, NULL, &out) != OK);
	sleep(1); /* it is at work: alone it would take half a minute */
	kill(worker, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(worker, &status, 0), worker);
	left = waitpid(-1, &status, 0);
	CU_ASSERT_TRUE(left > 0 && left != worker);
	CU_ASSERT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == PARSE_EXIT_SANDBOX)); /* it had not begun */
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	close(fd);
}

static size_t
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
test_no_leak(void)
{
	size_t before = open_files();
	struct parsed out;

	for (int i = 0; i < 20; i++)
		parse_text("x", "a.txt", "en");
	asked = 0;
	test_cancel();
	test_missing();
	CU_ASSERT_EQUAL(run_script("#!/bin/sh\nexec sleep 60 >&-\n", &out), OK);
	CU_ASSERT_EQUAL(open_files(), before);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1); /* no zombie, no child */
	CU_ASSERT_EQUAL(errno, ECHILD);
}

static void
test_codes(void)
{
	CU_ASSERT_TRUE(parse_code_known("no_text_layer"));
	CU_ASSERT_FALSE(parse_code_known("strange"));
	CU_ASSERT_FALSE(parse_code_known(NULL));
	CU_ASSERT_PTR_NOT_NULL(strstr(parse_explain("no_text_layer", LANG_EN), "OCR"));
	CU_ASSERT_PTR_NOT_NULL(strstr(parse_explain("no_text_layer", LANG_ZH), "文字层"));
	CU_ASSERT_STRING_EQUAL(parse_explain("strange", LANG_EN), parse_explain("parser_failed", LANG_EN));
}

static CU_TestInfo tests[] = {
	{ "every file of tests/data/kbfiles", test_files },
	{ "a password", test_password },
	{ "types go by content", test_types },
	{ "charsets go by language", test_language },
	{ "a form bomb", test_form_bomb },
	{ "the time is up", test_timeout },
	{ "limits of text and pages", test_limits },
	{ "text larger than the arena", test_large_text },
	{ "cancelled", test_cancel },
	{ "no program, no sandbox", test_missing },
	{ "what it says is not believed", test_frames },
	{ "one that stays is killed", test_stays },
	{ "several at once", test_threads },
	{ "dies with its worker", test_orphan },
	{ "nothing stays behind", test_no_leak },
	{ "codes explain themselves", test_codes },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "parse", set_up, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
