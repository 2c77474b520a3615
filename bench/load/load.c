/*
 * load -- measures HTTP and SSE servers: closed and open loop, times from the
 * due moment of each request, latency of every delta of a stream. Prints JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "load/client.h"

static void
print_help(void)
{
	fputs("Usage: load -a ADDRESS -f FILE [OPTION]...\n"
	      "Sends the requests of FILE round and round; prints what it measured as JSON.\n\n"
	      "  -a, --address=ADDRESS  address:port, or unix:PATH\n"
	      "  -f, --file=FILE        lines of METHOD, PATH, TOKEN, BODY between tabs; - is none\n"
	      "  -H, --header=LINE      a further header\n"
	      "  -c, --connections=N    connections; closed loop: requests at once (1)\n"
	      "  -r, --rate=N           open loop: requests per second\n"
	      "  -n, --requests=N       stop after so many requests\n"
	      "  -d, --duration=S       send for so many seconds (10)\n"
	      "  -w, --warmup=S         the first seconds do not count (0)\n"
	      "  -R, --ramp=S           closed loop: spread the first requests over this (0)\n"
	      "  -D, --drain=S          wait so long for open requests at the end (10)\n"
	      "  -t, --timeout=S        of one request (60)\n"
	      "  -m, --measure=A:B      measure deltas that arrive between these seconds only\n"
	      "  -1, --one-each         a new connection for each request\n"
	      "  -h, --help             this text\n",
	    stdout);
}

static int
usage(const char *why)
{
	fprintf(stderr, "load: %s\nTry 'load --help'.\n", why);
	return 2;
}

/* ---- options ----------------------------------------------------------------- */

struct words {
	const char *address, *file;
	struct buf headers;
	const char *bad; /* what cannot be understood */
};

static double
number(const char *text, struct words *w)
{
	char *end;
	double value = strtod(text, &end);

	if (*end != '\0' || end == text || !(value >= 0 && value < 1e9))
		w->bad = text;
	return value;
}

static int64_t
seconds(const char *text, struct words *w)
{
	return (int64_t)(number(text, w) * 1e9);
}

static void
measure(const char *text, struct plan *p, struct words *w)
{
	double from, to;
	char *colon = strchr(text, ':'), *end;

	from = strtod(text, &end);
	if (colon == NULL || end != colon) {
		w->bad = text;
		return;
	}
	to = number(colon + 1, w);
	p->chunks_from_ns = (int64_t)(from * 1e9);
	p->chunks_to_ns = (int64_t)(to * 1e9);
}

/* -1 to go on, else the exit status. */
static int
read_options(int argc, char **argv, struct plan *p, struct words *w)
{
	static const struct option longs[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "file", required_argument, NULL, 'f' },
		{ "header", required_argument, NULL, 'H' },
		{ "connections", required_argument, NULL, 'c' },
		{ "rate", required_argument, NULL, 'r' },
		{ "requests", required_argument, NULL, 'n' },
		{ "duration", required_argument, NULL, 'd' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "ramp", required_argument, NULL, 'R' },
		{ "drain", required_argument, NULL, 'D' },
		{ "timeout", required_argument, NULL, 't' },
		{ "measure", required_argument, NULL, 'm' },
		{ "one-each", no_argument, NULL, '1' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "a:f:H:c:r:n:d:w:R:D:t:m:1h", longs, NULL)) != -1) {
		switch (c) {
		case 'a': w->address = optarg; break;
		case 'f': w->file = optarg; break;
		case 'H': buf_printf(&w->headers, "%s\r\n", optarg); break;
		case 'c': p->connections = (size_t)number(optarg, w); break;
		case 'r': p->rate = number(optarg, w); break;
		case 'n': p->max_requests = (uint64_t)number(optarg, w); break;
		case 'd': p->duration_ns = seconds(optarg, w); break;
		case 'w': p->warmup_ns = seconds(optarg, w); break;
		case 'R': p->ramp_ns = seconds(optarg, w); break;
		case 'D': p->drain_ns = seconds(optarg, w); break;
		case 't': p->timeout_ns = seconds(optarg, w); break;
		case 'm': measure(optarg, p, w); break;
		case '1': p->keep = false; break;
		case 'h': print_help(); return 0;
		default: return usage("unknown option");
		}
	}
	if (w->bad != NULL)
		return usage(w->bad);
	if (optind < argc || w->address == NULL || w->file == NULL || p->connections == 0)
		return usage("an address, a file and at least one connection are needed");
	return p->warmup_ns < p->duration_ns ? -1 : usage("the warm-up is as long as the run");
}

/* ---- where to ------------------------------------------------------------------- */

static bool
resolve_tcp(struct plan *p, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
	const char *colon = strrchr(text, ':');
	char host[64];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return false;
	memcpy(&p->address, found->ai_addr, found->ai_addrlen);
	p->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool
resolve(struct plan *p, const char *text)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strncmp(text, "unix:", 5) != 0)
		return resolve_tcp(p, text);
	if (strlen(text + 5) >= sizeof(un.sun_path))
		return false;
	memcpy(un.sun_path, text + 5, strlen(text + 5) + 1);
	memcpy(&p->address, &un, sizeof(un));
	p->address_len = sizeof(un);
	return true;
}

/* As many descriptors as we may have: each connection takes one. */
static bool
raise_descriptors(size_t connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > connections + 16;
}

/* ---- what came of it ---------------------------------------------------------------- */

static double
cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static json_t *
errors_json(const struct outcome *o, uint64_t *total)
{
	json_t *errors = json_object();

	*total = 0;
	for (int i = 0; i < ERROR_KINDS && o->errors[i].n > 0; i++) {
		json_object_set_new(errors, o->errors[i].kind, json_integer((json_int_t)o->errors[i].n));
		*total += o->errors[i].n;
	}
	return errors;
}

static void
print_outcome(const struct outcome *o)
{
	uint64_t n_errors;
	json_t *errors = errors_json(o, &n_errors), *out;
	double per_second = o->window_s > 0 ? (double)o->completed_in_window / o->window_s : 0;

	out = json_pack("{s:I, s:I, s:I, s:I, s:o, s:f, s:f, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
	    "total", (json_int_t)o->ended, "requests", (json_int_t)o->requests, "ok", (json_int_t)o->ok, "failed",
	    (json_int_t)n_errors, "errors", errors, "window_s", o->window_s, "per_second", per_second, "first_content",
	    hist_json(&o->first_content), "completion", hist_json(&o->completion), "added", hist_json(&o->added),
	    "lateness", hist_json(&o->lateness), "deltas", (json_int_t)o->deltas, "body_bytes",
	    (json_int_t)o->body_bytes, "connects", (json_int_t)o->connects, "resends", (json_int_t)o->resends, "unsent",
	    (json_int_t)o->unsent, "peak_active", (json_int_t)o->peak_active, "cpu_s", cpu_s());
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(out);
}

int
main(int argc, char **argv)
{
	static struct outcome outcome;
	struct plan plan = { .connections = 1,
		.duration_ns = 10000000000,
		.drain_ns = 10000000000,
		.timeout_ns = 60000000000,
		.keep = true,
		.chunks_to_ns = INT64_MAX / 2 };
	struct words words = { .headers = BUF_INIT(0) };
	int status = read_options(argc, argv, &plan, &words);

	if (status >= 0) {
		buf_free(&words.headers);
		return status;
	}
	if (!resolve(&plan, words.address))
		return usage("the address is neither IP:PORT nor unix:PATH");
	if (!raise_descriptors(plan.connections)) {
		fprintf(stderr, "load: not enough file descriptors for %zu connections\n", plan.connections);
		return 1;
	}
	if (!targets_read(&plan.targets, words.file, "localhost", buf_str(&words.headers), plan.keep))
		return 1;
	if (!client_run(&plan, &outcome)) {
		fprintf(stderr, "load: %s\n", strerror(errno));
		return 1;
	}
	print_outcome(&outcome);
	targets_free(&plan.targets);
	buf_free(&words.headers);
	return 0;
}
