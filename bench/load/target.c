#include "load/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* Split `line` at tabs into four fields; false when there are others than four. */
static bool
split(char *line, char *fields[4])
{
	for (int i = 0; i < 4; i++) {
		fields[i] = line;
		if (line == NULL)
			return false;
		line = strchr(line, '\t');
		if (line != NULL)
			*line++ = '\0';
	}
	return line == NULL;
}

static void
render(struct target *t, char *const fields[4], const char *host, const char *headers, bool keep)
{
	const char *body = strcmp(fields[3], "-") == 0 ? NULL : fields[3];
	struct buf b = BUF_INIT(0);

	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", fields[0], fields[1], host);
	if (strcmp(fields[2], "-") != 0)
		buf_printf(&b, "Authorization: Bearer %s\r\n", fields[2]);
	if (body != NULL)
		buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	buf_printf(&b, "%s%s\r\n%s", headers, keep ? "" : "Connection: close\r\n", body == NULL ? "" : body);
	t->bytes = b.data;
	t->len = b.len;
}

static bool
add_line(struct targets *t, char *line, const char *host, const char *headers, bool keep)
{
	char *fields[4];

	if (!split(line, fields))
		return false;
	if ((t->n & (t->n - 1)) == 0) { /* full at each power of two */
		t->list = realloc(t->list, (t->n == 0 ? 1 : 2 * t->n) * sizeof(*t->list));
		if (t->list == NULL)
			abort();
	}
	render(&t->list[t->n++], fields, host, headers, keep);
	return true;
}

bool
targets_read(struct targets *t, const char *path, const char *host, const char *headers, bool keep)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	bool good = true;
	ssize_t len;

	*t = (struct targets){ NULL, 0 };
	if (f == NULL) {
		perror(path);
		return false;
	}
	while (good && (len = getline(&line, &cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (*line != '\0' && !(good = add_line(t, line, host, headers, keep)))
			fprintf(stderr, "%s:%zu: want METHOD, PATH, TOKEN and BODY between tabs\n", path, t->n + 1);
	}
	free(line);
	fclose(f);
	if (good && t->n == 0)
		fprintf(stderr, "%s: no requests\n", path);
	return good && t->n > 0;
}

void
targets_free(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i].bytes);
	free(t->list);
}
