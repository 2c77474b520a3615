/*
 * weirctl routes    every path Weir answers: method, path, who may call, rate class, body cap
 */
#include <stdio.h>
#include <string.h>

#include "core/request.h"
#include "ctl/ctl.h"

static const struct row {
	const char *method, *path, *handler, *caller, *rate, *summary;
	size_t body_cap_bytes;
	unsigned flags;
} rows[] = {
/* the table without its handlers: they are not linked into weirctl */
#define ROUTE(method, path, handler, caller, rate, wire, cap, flags, fields, reply, summary) \
	{ #method, path, #handler, #caller, #rate, summary, cap, flags },
#include "routes.def"
#undef ROUTE
};

static void
print_lower(const char *word, int width)
{
	for (; *word != '\0'; word++, width--)
		putchar(*word >= 'A' && *word <= 'Z' ? *word + 32 : *word);
	for (; width > 0; width--)
		putchar(' ');
}

int
ctl_routes(struct ctl *c, int argc, char **argv)
{
	(void)c;
	if (argc != 1)
		return ctl_usage("routes");
	(void)argv;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("%-6s  %-58s  ", rows[i].method, rows[i].path);
		print_lower(rows[i].caller, 8);
		print_lower(rows[i].rate, 10);
		if (rows[i].flags & ROUTE_FILE)
			printf("%8s", "file");
		else if (rows[i].flags & (ROUTE_JSON | ROUTE_RAW))
			printf("%8zu", rows[i].body_cap_bytes);
		else
			printf("%8s", "-");
		printf("%s%s  %s\n", rows[i].flags & ROUTE_STREAM ? "  stream" : "",
		    rows[i].flags & ROUTE_IDEMPOTENT ? "  idempotent" : "", rows[i].summary);
	}
	return CTL_OK;
}
