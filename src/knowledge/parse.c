#include "knowledge/parse.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "parse/frame.h"

#define LOOK_EVERY_MS 100   /* whether it was cancelled */
#define LATE_S 5	    /* after which it ends itself, when nobody did */
#define LEAVE_MS 1000	    /* from the end of its output to its own */
#define COMPLAINT_BYTES 400 /* of what it says on standard error */
#define HINT_MAX_CHARS 10

/* A weir-parse that runs. */
struct child {
	pid_t pid;
	int out_fd, err_fd;
	struct buf out, err;
	bool is_late, is_cancelled, said_too_much;
	int status;	   /* of wait(2) */
	long memory_bytes; /* at its largest */
};

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

/* posix_spawn(3) with the three descriptors in their places and the signals as at the start of a program. */
static int
spawn(pid_t *pid, const char *program, char *const argv[], const int fds[4])
{
	static char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	error = posix_spawn_file_actions_adddup2(&files, fds[0], STDIN_FILENO);
	error = error != 0 ? error : posix_spawn_file_actions_adddup2(&files, fds[1], STDOUT_FILENO);
	error = error != 0 ? error : posix_spawn_file_actions_adddup2(&files, fds[2], STDERR_FILENO);
	error = error != 0 ? error : posix_spawn_file_actions_adddup2(&files, fds[3], PARSE_FD);
	error = error != 0 ? error : posix_spawnattr_setsigmask(&attr, &none);
	error = error != 0 ? error : posix_spawnattr_setsigdefault(&attr, &all);
	error = error != 0 ? error : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = error != 0 ? error : posix_spawn(pid, program, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return error;
}

static enum status
start(struct context *cx, struct child *c, int fd, const char *hint, const char *password, const char *lang)
{
	const struct conf *conf = cx->conf;
	struct arena *a = cx->arena;
	const char *program = parse_program(conf);
	char *argv[] = { arena_strdup(a, program),
		arena_printf(a, "--cpu=%lld", (long long)(conf->knowledge_parse_cpu + 999) / 1000),
		arena_printf(a, "--wall=%lld", (long long)(conf->knowledge_parse_timeout + 999) / 1000 + LATE_S),
		arena_printf(a, "--memory=%zu", conf->knowledge_parse_memory),
		arena_printf(a, "--text=%zu", conf->knowledge_parse_text_bytes),
		arena_printf(a, "--pages=%lld", (long long)conf->knowledge_parse_pages),
		arena_printf(a, "--lang=%s", lang != NULL && strcmp(lang, "zh") == 0 ? "zh" : "en"),
		arena_printf(a, "--hint=%s", hint), arena_printf(a, "--parent=%ld", (long)getpid()), NULL };
	int in = password_fd(password), out[2] = { -1, -1 }, err[2] = { -1, -1 }, error = 0;

	if (in < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		error = errno;
	else
		error = spawn(&c->pid, program, argv, (const int[]){ in, out[1], err[1], fd });
	if (in >= 0)
		close(in);
	if (out[1] >= 0)
		close(out[1]);
	if (err[1] >= 0)
		close(err[1]);
	c->out_fd = out[0];
	c->err_fd = err[0];
	return error == 0 ? OK : fail(cx, E_UNAVAILABLE, "%s: %s", program, strerror(error));
}

/* ---- listening to it ---- */

/* Take what is there; false: that was all, and the descriptor is closed. */
static bool
take(int *fd, struct buf *b, bool *too_much)
{
	char piece[65536];
	ssize_t n = read(*fd, piece, sizeof(piece));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return false;
	}
	if (!buf_add(b, piece, (size_t)n))
		*too_much = true;
	return true;
}

/* Until its output ends, or somebody has had enough. */
static void
listen_to(struct child *c, int64_t until_ms, bool (*cancelled)(void *arg), void *arg)
{
	bool ignored;

	while (c->out_fd >= 0 && !c->said_too_much) {
		struct pollfd fds[] = { { .fd = c->out_fd, .events = POLLIN }, { .fd = c->err_fd, .events = POLLIN } };

		if (cancelled != NULL && cancelled(arg)) {
			c->is_cancelled = true;
			return;
		}
		if (clock_mono_ms() >= until_ms) {
			c->is_late = true;
			return;
		}
		if (poll(fds, 2, LOOK_EVERY_MS) <= 0)
			continue;
		if (fds[1].revents != 0)
			take(&c->err_fd, &c->err, &ignored); /* the beginning is kept, the rest drained */
		if (fds[0].revents != 0)
			take(&c->out_fd, &c->out, &c->said_too_much);
	}
}

/* It is gone afterwards: by itself, or because it was killed. */
static void
reap(struct child *c, bool at_once)
{
	int64_t until_ms = clock_mono_ms() + LEAVE_MS;
	struct rusage used = { 0 };
	pid_t gone = 0;
	bool ignored;

	while (!at_once && (gone = wait4(c->pid, &c->status, WNOHANG, &used)) == 0 && clock_mono_ms() < until_ms)
		poll(NULL, 0, 1);
	if (gone == 0) {
		kill(c->pid, SIGKILL);
		while ((gone = wait4(c->pid, &c->status, 0, &used)) < 0 && errno == EINTR)
			;
	}
	c->memory_bytes = used.ru_maxrss * 1024;
	if (c->err_fd >= 0 && poll(&(struct pollfd){ .fd = c->err_fd, .events = POLLIN }, 1, 0) > 0)
		take(&c->err_fd, &c->err, &ignored);
	if (c->out_fd >= 0)
		close(c->out_fd);
	if (c->err_fd >= 0)
		close(c->err_fd);
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

/* The frame into *out; false: it is none, or not whole.  The text stays in c->out, which the arena frees. */
static bool
read_frame(struct context *cx, struct child *c, struct parsed *out)
{
	const char *head = buf_str(&c->out), *blank = strstr(head, "\n\n"), *count, *said;
	size_t head_len, len;
	char *end;

	if (strncmp(head, FRAME_FIRST "\n", strlen(FRAME_FIRST) + 1) != 0 || blank == NULL)
		return false;
	head_len = (size_t)(blank - head) + 1;
	count = value(cx, head, head_len, "text");
	if (head_len > FRAME_HEAD_MAX_BYTES || !utf8_valid(head, head_len) || count == NULL)
		return false;
	len = strtoull(count, &end, 10);
	if (*end != '\0' || c->out.len - head_len - 1 != len || !is_canonical(blank + 2, len))
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
	buf_consume(&c->out, head_len + 1);
	out->text = c->out.data;
	out->len = len;
	c->out = BUF_INIT(0);
	arena_cleanup(cx->arena, free, out->text);
	return true;
}

/* It ended without a word: why, for whoever sent the document. */
static enum status
judge_end(struct context *cx, const struct child *c, struct parsed *out)
{
	int signo = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;

	*out = (struct parsed){ .code = "parser_failed" };
	if (c->is_late || signo == SIGXCPU || signo == SIGALRM) {
		out->code = "took_too_long";
		out->detail = arena_printf(
		    cx->arena, "stopped after %s", signo == SIGXCPU ? "its time of the processor" : "its time");
	} else if (signo != 0 && !c->said_too_much) {
		/* past the limit of its memory the libraries abort, or fall over */
		if ((size_t)c->memory_bytes > cx->conf->knowledge_parse_memory / 2)
			out->code = "too_large";
		out->detail = arena_printf(cx->arena, "ended by signal %d with %ld MiB", signo, c->memory_bytes >> 20);
	} else if (signo == 0 &&
	    (WEXITSTATUS(c->status) == PARSE_EXIT_USAGE || WEXITSTATUS(c->status) == PARSE_EXIT_SANDBOX)) {
		return fail(cx, E_UNAVAILABLE, "weir-parse: exit %d: %.300s", WEXITSTATUS(c->status), buf_str(&c->err));
	} else {
		out->detail = arena_strdup(cx->arena, "what it said is no frame");
	}
	LOG(WARN, "parse_failed", LS("code", out->code), LS("detail", out->detail), LS("stderr", buf_str(&c->err)));
	return OK;
}

enum status
parse_document(struct context *cx, int fd, const char *filename, const char *password, const char *lang,
    bool (*cancelled)(void *arg), void *arg, struct parsed *out)
{
	struct child c = { .out_fd = -1,
		.err_fd = -1,
		.out = BUF_INIT(cx->conf->knowledge_parse_text_bytes + FRAME_HEAD_MAX_BYTES),
		.err = BUF_INIT(COMPLAINT_BYTES) };
	int64_t began_us = clock_mono_us();
	enum status st;

	*out = (struct parsed){ 0 };
	if (password != NULL && strlen(password) > PASSWORD_MAX_BYTES)
		password = NULL; /* no document's */
	st = start(cx, &c, fd, hint_of(cx, filename), password, lang);
	if (st == OK) {
		listen_to(&c, clock_mono_ms() + cx->conf->knowledge_parse_timeout, cancelled, arg);
		reap(&c, c.is_cancelled || c.is_late || c.said_too_much);
		if (c.is_cancelled)
			st = fail(cx, E_CANCELLED, "the document is not wanted any more");
		else if (c.is_late || c.said_too_much || !read_frame(cx, &c, out))
			st = judge_end(cx, &c, out);
		LOG(DEBUG, "parsed", LS("kind", out->kind == NULL ? "" : out->kind),
		    LS("code", out->code == NULL ? "" : out->code), LI("bytes", out->len),
		    LMS("ms", clock_mono_us() - began_us));
	} else {
		if (c.out_fd >= 0)
			close(c.out_fd);
		if (c.err_fd >= 0)
			close(c.err_fd);
	}
	buf_free(&c.out);
	buf_free(&c.err);
	return st;
}
