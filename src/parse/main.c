/*
 * weir-parse -- the text of a document that a stranger sent, in a sandbox.
 *
 * Run by weir-worker (knowledge/parse.c), which hands over the file as PARSE_FD and reads
 * what parse/frame.h says.  Nobody else has a use for it.
 */
#include <getopt.h>
#include <libxml/parser.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "parse/doc.h"
#include "parse/frame.h"
#include "parse/sandbox.h"

struct settings {
	long cpu_s, wall_s, memory_bytes, text_bytes, pages, parent;
	char hint[16];
	bool is_zh;
};

static int
usage(FILE *to)
{
	fputs(
	    "usage: weir-parse --cpu S --wall S --memory BYTES --text BYTES --pages N [--lang zh|en] [--hint EXTENSION]\n"
	    "                  [--parent PID]\n"
	    "\n"
	    "Reads the document that is file descriptor 3 and writes its text to standard output, in a sandbox.\n"
	    "A part of weir-worker: see [knowledge] in weir.conf(5).\n",
	    to);
	return to == stdout ? 0 : PARSE_EXIT_USAGE;
}

static bool
number(const char *s, long *out)
{
	char *end;

	*out = strtol(s, &end, 10);
	return *s != '\0' && *end == '\0' && *out > 0 && *out < LONG_MAX;
}

/* False: usage.  --help prints it and ends the program. */
static bool
read_settings(int argc, char **argv, struct settings *s)
{
	static const struct option options[] = { { "cpu", required_argument, NULL, 'c' },
		{ "wall", required_argument, NULL, 'w' }, { "memory", required_argument, NULL, 'm' },
		{ "text", required_argument, NULL, 't' }, { "pages", required_argument, NULL, 'p' },
		{ "lang", required_argument, NULL, 'l' }, { "hint", required_argument, NULL, 'e' },
		{ "parent", required_argument, NULL, 'P' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	bool fine = true;
	int c;

	while (fine && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			exit(usage(stdout));
		else if (c == 'l')
			s->is_zh = strcmp(optarg, "zh") == 0;
		else if (c == 'e')
			snprintf(s->hint, sizeof(s->hint), "%s", optarg);
		else
			fine = (c == 'c' && number(optarg, &s->cpu_s)) || (c == 'w' && number(optarg, &s->wall_s)) ||
			    (c == 'm' && number(optarg, &s->memory_bytes)) ||
			    (c == 't' && number(optarg, &s->text_bytes)) || (c == 'p' && number(optarg, &s->pages)) ||
			    (c == 'P' && number(optarg, &s->parent));
	}
	return fine && optind == argc && s->cpu_s > 0 && s->wall_s > 0 && s->memory_bytes > 0 && s->text_bytes > 0 &&
	    s->pages > 0 && s->pages <= INT_MAX;
}

/* What standard input has, "": nothing. */
static void
read_password(char *out)
{
	size_t len = 0;
	ssize_t n;

	while (len < PASSWORD_MAX_BYTES && (n = read(STDIN_FILENO, out + len, PASSWORD_MAX_BYTES - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
}

/* All of it, or the end of the program: nobody reads it. */
static void
write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n <= 0)
			_exit(1);
		bytes += n;
		len -= (size_t)n;
	}
}

static void
write_value(struct buf *b, const char *name, const char *value)
{
	char *plain = text_plain(value, FRAME_VALUE_MAX_BYTES);

	if (plain != NULL)
		buf_printf(b, "%s %s\n", name, plain);
	free(plain);
}

static void
write_frame(struct doc *d, enum code code, enum sandbox_walls walls)
{
	struct buf head = BUF_INIT(FRAME_HEAD_MAX_BYTES);
	char *text = NULL;
	size_t len = 0;

	if (code == CODE_OK && (text = text_take(&d->text, &len)) == NULL)
		code = doc_fail(d, CODE_TOO_LARGE, "more text than %zu bytes", d->text.out.max_bytes);
	buf_printf(
	    &head, "%s\npages %d\nsandbox %s\n", FRAME_FIRST, d->pages, walls == SANDBOX_FULL ? "full" : "partial");
	write_value(&head, "kind", d->kind);
	write_value(&head, "title", d->title);
	write_value(&head, "code", doc_code_name(code));
	if (code != CODE_OK)
		write_value(&head, "detail", d->detail);
	buf_printf(&head, "text %zu\n\n", len);
	write_all(head.data, head.len);
	write_all(text, len);
	buf_free(&head);
	free(text);
}

int
main(int argc, char **argv)
{
	static char password[PASSWORD_MAX_BYTES + 1];
	struct settings s = { 0 };
	enum sandbox_walls walls;
	struct doc d = { .fd = PARSE_FD };
	const char *why;
	struct stat st;

	if (!read_settings(argc, argv, &s))
		return usage(stderr);
	if (fstat(PARSE_FD, &st) != 0 || !S_ISREG(st.st_mode)) {
		fputs("weir-parse: file descriptor 3 is no file\n", stderr);
		return PARSE_EXIT_USAGE;
	}
	/* Whoever stops a service signals all of its processes: weir-worker decides when this one ends. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	read_password(password);
	walls = sandbox_enter(&(struct sandbox){ .fd_max = PARSE_FD,
				  .cpu_s = (unsigned)s.cpu_s,
				  .wall_s = (unsigned)s.wall_s,
				  .parent = (pid_t)s.parent,
				  .memory_bytes = (size_t)s.memory_bytes },
	    &why);
	if (walls == SANDBOX_FAILED) {
		fprintf(stderr, "weir-parse: no sandbox: %s\n", why);
		return PARSE_EXIT_SANDBOX;
	}
	d.size_bytes = (size_t)st.st_size;
	d.password = *password == '\0' ? NULL : password;
	d.hint = s.hint;
	d.is_zh = s.is_zh;
	d.pages_max = (int)s.pages;
	text_init(&d.text, (size_t)s.text_bytes);
	xmlInitParser();
	write_frame(&d, doc_read(&d), walls);
	/* At once: the libraries' and the leak checker's last works need what the sandbox does not give. */
	_exit(0);
}
