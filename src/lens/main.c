/*
 * weir-lens: looks at one file that strangers made, bound so that it can do nothing else (lens/confine.h).
 * weir-worker starts it; what it and the programs it starts know of formats nobody else links.
 *
 *	weir-lens look TYPE < FILE 3<> SMALL         what the file is like, as a line of JSON; a small picture of it
 *	                                             (WebP) goes to descriptor 3
 *	weir-lens label TYPE AIGC < FILE 3<> MARKED  the same file, marked as made by a machine, to descriptor 3
 *	weir-lens can TYPE                           are the programs there that look needs for it?
 *
 * Exit status: 0 done, 1 the file cannot be read, 2 wrong arguments, or it could not be bound, 3 a program is missing,
 * which standard output names.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lens/confine.h"
#include "lens/marked.h"
#include "lens/look.h"

/* It holds a picture twice; the sanitizers want all of the address space. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LABEL_MEMORY_BYTES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LABEL_MEMORY_BYTES 0
#endif
#endif
#ifndef LABEL_MEMORY_BYTES
#define LABEL_MEMORY_BYTES (512ULL << 20)
#endif
static const struct confine_limits label_limits = {
	.cpu_s = 30,
	.memory_bytes = LABEL_MEMORY_BYTES,
	.written_bytes = 1ULL << 30,
};

enum { DONE, UNREADABLE, UNABLE, MISSING };

static int
can(const char *type)
{
	const char *missing;

	if (look_can(type, &missing))
		return DONE;
	puts(missing);
	return MISSING;
}

static int
look(const char *type)
{
	struct look found;

	if (can(type) != DONE)
		return MISSING;
	if (!confine(STDIN_FILENO))
		return UNABLE;
	if (!look_at(type, STDIN_FILENO, 3, &found))
		return UNREADABLE;
	printf("{\"width\":%lld,\"height\":%lld,\"duration_ms\":%lld,\"has_small\":%s}\n", (long long)found.width,
	    (long long)found.height, (long long)found.duration_ms, found.has_small ? "true" : "false");
	return DONE;
}

static int
label(const char *type, const char *aigc)
{
	if (!confine_limit(&label_limits) || !confine(STDIN_FILENO))
		return UNABLE;
	return marked_copy(type, STDIN_FILENO, 3, aigc) ? DONE : UNREADABLE;
}

static int
run(int argc, char **argv)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return UNABLE;
	if (argc == 3 && strcmp(argv[1], "can") == 0)
		return can(argv[2]);
	if (argc == 3 && strcmp(argv[1], "look") == 0)
		return look(argv[2]);
	if (argc == 4 && strcmp(argv[1], "label") == 0)
		return label(argv[2], argv[3]);
	fputs("usage: weir-lens can TYPE | look TYPE | label TYPE AIGC\n", stderr);
	return UNABLE;
}

/* Nothing is tidied up: the sanitizer of leaks would read /proc, which is out of reach by now. */
int
main(int argc, char **argv)
{
	int status = run(argc, argv);

	_exit(fflush(stdout) == 0 ? status : UNABLE);
}
