/*
 * What the load tool sends: requests rendered once, from a file of lines
 *
 *	METHOD <tab> PATH <tab> TOKEN <tab> BODY
 *
 * TOKEN is sent as Authorization: Bearer, BODY as application/json; "-" is
 * none. Requests are taken in the file's order, round and round.
 */
#ifndef WEIR_BENCH_TARGET_H
#define WEIR_BENCH_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct target {
	char *bytes;
	size_t len;
};

struct targets {
	struct target *list;
	size_t n;
};

/* Read `path`; `host` is the Host header, `headers` further header lines, each
 * ended by CRLF, `keep` false asks the server to close. Prints what is wrong
 * and returns false. The caller frees with targets_free(). */
bool targets_read(struct targets *t, const char *path, const char *host, const char *headers, bool keep);
void targets_free(struct targets *t);

#endif
