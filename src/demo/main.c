/*
 * weir-demo -- a deterministic model provider for trying, testing and
 * measuring Weir: the wires of OpenAI, Anthropic and Gemini with scripted pace
 * and faults.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "demo/server.h"

#define THREADS_MAX 64

static void
print_help(void)
{
	fputs("Usage: weir-demo [OPTION]...\n"
	      "A deterministic model provider on the wires of OpenAI, Anthropic and Gemini,\n"
	      "with the models demo (40 deltas a second), demo-fast (no pause) and\n"
	      "demo-slow (an answer takes 12 s).\n\n"
	      "  -l, --listen=ADDRESS  address:port or path of a unix socket\n"
	      "                        (127.0.0.1:8089; port 0 takes a free one)\n"
	      "  -t, --threads=N       event loops (1)\n"
	      "  -o, --log=FILE        append a line of JSON per request\n"
	      "  -k, --key=KEY         answer 401 to any other API key\n"
	      "  -s, --script=WORDS    a script for every request, see below\n"
	      "      --timestamps      the same as --script=ts=1\n"
	      "  -q, --quiet           do not print the address\n"
	      "  -h, --help            this text\n"
	      "  -V, --version         the version\n\n",
	    stdout);
	script_help(stdout);
}

static int
usage(const char *why)
{
	fprintf(stderr, "weir-demo: %s\nTry 'weir-demo --help'.\n", why);
	return 2;
}

/* Set o from the command line; -1 to go on, else the exit status. */
static int
read_options(int argc, char **argv, struct server_options *o)
{
	static const struct option longs[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "threads", required_argument, NULL, 't' },
		{ "log", required_argument, NULL, 'o' },
		{ "key", required_argument, NULL, 'k' },
		{ "script", required_argument, NULL, 's' },
		{ "timestamps", no_argument, NULL, 'T' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	static char words[1024];
	char *end;
	size_t used;
	int c;

	while ((c = getopt_long(argc, argv, "l:t:o:k:s:qhV", longs, NULL)) != -1) {
		switch (c) {
		case 'l': o->listen = optarg; break;
		case 't':
			o->threads = (unsigned)strtoul(optarg, &end, 10);
			if (*end != '\0' || o->threads < 1 || o->threads > THREADS_MAX)
				return usage("--threads takes a number from 1 to 64");
			break;
		case 'o': o->log_path = optarg; break;
		case 'k': o->api_key = optarg; break;
		case 's':
		case 'T':
			used = strlen(words);
			if ((size_t)snprintf(words + used, sizeof words - used, ";%s", c == 's' ? optarg : "ts=1") >=
			    sizeof words - used)
				return usage("--script is too long");
			o->words = words;
			break;
		case 'q': o->is_quiet = true; break;
		case 'h': print_help(); return 0;
		case 'V': puts("weir-demo " VERSION); return 0;
		default: return usage("unknown option");
		}
	}
	return optind < argc ? usage("it takes no arguments") : -1;
}

int
main(int argc, char **argv)
{
	struct server_options options = { .listen = "127.0.0.1:8089", .threads = 1, .words = "" };
	char err[SCRIPT_ERROR_BYTES];
	struct script unused;
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	script_init(&unused);
	if (!script_apply(&unused, options.words, strlen(options.words), err))
		return usage(err);
	return server_run(&options);
}
