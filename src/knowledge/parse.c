#include "knowledge/parse.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "io/helper.h"
#include "parse/frame.h"

#define LOOK_EVERY_MS 100   /* whether it was cancelled */
#define LATE_S 5	    /* after which it ends itself, when nobody did */
#define LEAVE_MS 1000	    /* from the end of its output to its own */
#define COMPLAINT_BYTES 400 /* of what it says on standard error */
#define HINT_MAX_CHARS 10

struct code_text {
	const char *code, *en, *zh;
};

static const struct code_text codes[] = {
#define CODE(NAME, code, en, zh) { code, en, zh },
#include "parse/codes.def"
#undef CODE
};

static const struct code_text *
find_code(const char *code)
{
	for (size_t i = 0; code != NULL && i < sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(codes[i].code, code) == 0)
			return &codes[i];
	return NULL;
}

const char *
parse_explain(const char *code, enum lang lang)
{
	const struct code_text *c = find_code(code);

	c = c == NULL ? find_code("parser_failed") : c;
	return lang == LANG_ZH ? c->zh : c->en;
}

bool
parse_code_known(const char *code)
{
	return find_code(code) != NULL;
}

const char *
parse_program(const struct conf *conf)
{
	return *conf->knowledge_parser != '\0' ? conf->knowledge_parser : WEIR_LIBEXECDIR "/weir-parse";
}

/* ---- starting it ---- */

/* "md" of "notes.MD", "" when that would be odd: it stands in the process list. */
static const char *
hint_of(struct context *cx, const char *filename)
{
	const char *dot = filename == NULL ? NULL : strrchr(filename, '.');
	char *hint;

	if (dot == NULL || dot[1] == '\0' || strlen(dot + 1) > HINT_MAX_CHARS)
		return "";
	hint = arena_strdup(cx->arena, dot + 1);
	for (char *c = hint; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c))
			return "";
		*c = (char)tolower((unsigned char)*c);
	}
	return hint;
}

/* A pipe that ends with the password, which it has room for, so that nobody writes to it later; -1. */
static int
password_fd(const char *password)
{
	size_t len = password == NULL ? 0 : strlen(password);
	int fds[2];
	bool written;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	written = len == 0 || write(fds[1], password, len) == (ssize_t)len;
	close(fds[1]);
	if (written)
		return fds[0];
	close(fds[0]);
	return -1;
}

/* Until it ends; it has clocks of its own, which end it should nobody be there to do it. */
static enum status
run(struct context *cx, struct helper *h, int fd, const char *hint, const char *password, const char *lang)
{
	const struct conf *conf = cx->conf;
	struct arena *a = cx->arena;
	const char *const argv[] = { parse_program(conf),
		arena_printf(a, "--cpu=%lld", (long long)(conf->knowledge_parse_cpu + 999) / 1000),
		arena_printf(a, "--wall=%lld", (long long)(conf->knowledge_parse_timeout + 999) / 1000 + LATE_S),
		arena_printf(a, "--memory=%zu", conf->knowledge_parse_memory),
		arena_printf(a, "--text=%zu", conf->knowledge_parse_text_bytes),
		arena_printf(a, "--pages=%lld", (long long)conf->knowledge_parse_pages),
		arena_printf(a, "--lang=%s", lang != NULL && strcmp(lang, "zh") == 0 ? "zh" : "en"),
		arena_printf(a, "--hint=%s", hint), NULL };
	bool started = false;
	int error;

	h->path = argv[0];
	h->argv = argv;
	h->file = fd;
	h->total_ms = conf->knowledge_parse_timeout;
	if ((h->in = password_fd(password)) >= 0) {
		started = helper_run(h);
		error = errno;
		close(h->in);
		errno = error;
	}
	h->argv = NULL;
	return started ? OK : fail(cx, E_UNAVAILABLE, "%s: %s", h->path, strerror(errno));
}

/* ---- what it said ---- */

/* The value of a line of the head, in the arena; NULL: there is no such line. */
static char *
value(struct context *cx, const char *head, size_t head_len, const char *name)
{
	size_t name_len = strlen(name), len;

	for (const char *at = head, *end; at < head + head_len; at = end + 1) {
		end = memchr(at, '\n', (size_t)(head + head_len - at));
		if (end == NULL)
			return NULL;
		len = (size_t)(end - at);
		if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == ' ')
			return arena_strndup(cx->arena, at + name_len + 1, len - name_len - 1);
	}
	return NULL;
}

/* Whatever it says, it may have been taken over: nothing is believed that is out of bounds. */
static const char *
known_kind(const char *kind)
{
	static const char *const kinds[] = { "pdf", "docx", "pptx", "xlsx", "epub", "odt", "html", "md", "txt", "csv" };

	for (size_t i = 0; kind != NULL && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return kinds[i];
	return NULL;
}

static bool
is_canonical(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 && s[i] != '\n' && s[i] != '\f')
			return false;
	return utf8_valid(s, len);
}

static void
warn_of_partial_sandbox(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&told))
		LOG(WARN, "parse_sandbox_partial",
		    LS("why", "this kernel has no Landlock: documents are read without that wall of the sandbox"));
}

/* The frame into *out; false: it is none, or not whole.  The text stays in what was said, which the arena frees. */
static bool
read_frame(struct context *cx, struct buf *heard, struct parsed *out)
{
	const char *head = buf_str(heard), *blank = strstr(head, "\n\n"), *count, *said;
	size_t head_len, len;
	char *end;

	if (strncmp(head, FRAME_FIRST "\n", strlen(FRAME_FIRST) + 1) != 0 || blank == NULL)
		return false;
	head_len = (size_t)(blank - head) + 1;
	count = value(cx, head, head_len, "text");
	if (head_len > FRAME_HEAD_MAX_BYTES || !utf8_valid(head, head_len) || count == NULL)
		return false;
	len = strtoull(count, &end, 10);
	if (*end != '\0' || heard->len - head_len - 1 != len || !is_canonical(blank + 2, len))
		return false;
	out->kind = known_kind(value(cx, head, head_len, "kind"));
	out->title = value(cx, head, head_len, "title");
	out->detail = value(cx, head, head_len, "detail");
	said = value(cx, head, head_len, "pages");
	out->pages = said == NULL ? 0 : (int)strtol(said, NULL, 10);
	out->pages = out->pages < 0 ? 0 : out->pages;
	said = value(cx, head, head_len, "sandbox");
	if (said == NULL || strcmp(said, "full") != 0)
		warn_of_partial_sandbox();
	said = value(cx, head, head_len, "code");
	if (said != NULL) {
		if (!parse_code_known(said))
			return false;
		out->code = find_code(said)->code;
		return true;
	}
	/* An arena of its own size would be filled by it: the text stays where it was read to. */
	buf_consume(heard, head_len + 1);
	out->text = heard->data;
	out->len = len;
	*heard = BUF_INIT(0);
	arena_cleanup(cx->arena, free, out->text);
	return true;
}

/* It ended without a word: why, for whoever sent the document. */
static enum status
judge_end(struct context *cx, const struct helper *h, struct parsed *out)
{
	*out = (struct parsed){ .code = "parser_failed" };
	if (h->end == HELPER_LATE || h->signal == SIGXCPU || h->signal == SIGALRM) {
		out->code = "took_too_long";
		out->detail = arena_printf(
		    cx->arena, "stopped after %s", h->signal == SIGXCPU ? "its time of the processor" : "its time");
	} else if (h->signal != 0 && h->end != HELPER_SAID_TOO_MUCH) {
		/* past the limit of its memory the libraries abort, or fall over */
		if ((size_t)h->memory_bytes > cx->conf->knowledge_parse_memory / 2)
			out->code = "too_large";
		out->detail = arena_printf(
		    cx->arena, "ended by signal %d with %ld MiB", h->signal, h->memory_bytes >> 20);
	} else if (h->exit_status == PARSE_EXIT_USAGE || h->exit_status == PARSE_EXIT_SANDBOX) {
		return fail(cx, E_UNAVAILABLE, "weir-parse: exit %d: %.300s", h->exit_status, h->complained);
	} else {
		out->detail = arena_strdup(cx->arena, "what it said is no frame");
	}
	LOG(WARN, "parse_failed", LS("code", out->code), LS("detail", out->detail), LS("stderr", h->complained));
	return OK;
}

enum status
parse_document(struct context *cx, int fd, const char *filename, const char *password, const char *lang,
    bool (*cancelled)(void *arg), void *arg, struct parsed *out)
{
	struct buf said = BUF_INIT(cx->conf->knowledge_parse_text_bytes + FRAME_HEAD_MAX_BYTES);
	struct helper h = { .said = &said, .stopping = cancelled, .arg = arg };
	int64_t began_us = clock_mono_us();
	enum status st;

	*out = (struct parsed){ 0 };
	if (password != NULL && strlen(password) > PASSWORD_MAX_BYTES)
		password = NULL; /* no document's */
	st = run(cx, &h, fd, hint_of(cx, filename), password, lang);
	if (st == OK && h.end == HELPER_STOPPED)
		st = fail(cx, E_CANCELLED, "the document is not wanted any more");
	else if (st == OK && (h.end != HELPER_ENDED || !read_frame(cx, &said, out)))
		st = judge_end(cx, &h, out);
	if (st == OK)
		LOG(DEBUG, "parsed", LS("kind", out->kind == NULL ? "" : out->kind),
		    LS("code", out->code == NULL ? "" : out->code), LI("bytes", out->len),
		    LMS("ms", clock_mono_us() - began_us));
	buf_free(&said);
	return st;
}
