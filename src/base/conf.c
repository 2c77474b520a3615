#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/money.h"

enum type { T_STRING, T_SECRET, T_INT, T_BOOL, T_SIZE, T_TIME, T_CREDITS, T_RATE };

struct option {
	const char *section, *name;
	enum type type;
	const char *def;
	int64_t min, max;
	const char *help;
	size_t offset;
};

static const struct option options[] = {
#define SECTION(name, help)
#define OPTION(section, name, type, def, min, max, help) \
	{ #section, #name, T_##type, def, min, max, help, offsetof(struct conf, section##_##name) },
#include "base/config.def"
#undef SECTION
#undef OPTION
};

static const struct {
	const char *name, *help;
} sections[] = {
#define SECTION(name, help) { #name, help },
#define OPTION(section, name, type, def, min, max, help)
#include "base/config.def"
#undef SECTION
#undef OPTION
};

static const char *const type_names[] = {
	[T_STRING] = "text",
	[T_SECRET] = "secret text",
	[T_INT] = "number",
	[T_BOOL] = "yes or no",
	[T_SIZE] = "size (bytes; k, m)",
	[T_TIME] = "time (ms, s, m, h, d)",
	[T_CREDITS] = "credits",
	[T_RATE] = "rate (count/time, or off)",
};

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit time_units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60000 },
	{ "h", 3600000 },
	{ "d", 86400000 },
	{ NULL, 0 },
};
static const struct unit size_units[] = {
	{ "", 1 },
	{ "k", 1024 },
	{ "m", 1048576 },
	{ "g", 1073741824 },
	{ NULL, 0 },
};
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };

/* "15m" with `units` to a number; a bare 0 needs no unit. */
static bool
parse_number(const char *text, const struct unit *units, int64_t *out)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || errno != 0)
		return false;
	if (n == 0 && *end == '\0') {
		*out = 0;
		return true;
	}
	for (; units->suffix != NULL; units++)
		if (strcasecmp(end, units->suffix) == 0)
			return !__builtin_mul_overflow((int64_t)n, units->factor, out);
	return false;
}

static bool
parse_bool(const char *text, bool *out)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2 == 1;
			return true;
		}
	return false;
}

static bool
parse_rate(const char *text, struct rate *out)
{
	char count[32];
	const char *slash = strchr(text, '/');

	if (strcasecmp(text, "off") == 0) {
		*out = (struct rate){ 0, 0 };
		return true;
	}
	if (slash == NULL || (size_t)(slash - text) >= sizeof(count))
		return false;
	memcpy(count, text, (size_t)(slash - text));
	count[slash - text] = '\0';
	return parse_number(count, no_units, &out->count) && parse_number(slash + 1, time_units, &out->per_ms) &&
	    out->count > 0 && out->per_ms > 0;
}

static bool
set_number(struct conf *c, const struct option *o, int64_t n)
{
	char *field = (char *)c + o->offset;

	if (n < o->min || n > o->max)
		return false;
	if (o->type == T_SIZE)
		*(size_t *)(void *)field = (size_t)n;
	else
		*(int64_t *)(void *)field = n;
	return true;
}

/* Parse `text` into the field of `o`; false when it does not fit. */
static bool
set_option(struct conf *c, const struct option *o, const char *text)
{
	char *field = (char *)c + o->offset;
	int64_t n;

	switch (o->type) {
	case T_STRING:
	case T_SECRET: *(const char **)(void *)field = arena_strdup(c->arena, text); return true;
	case T_BOOL: return parse_bool(text, (bool *)field);
	case T_RATE: return parse_rate(text, (struct rate *)(void *)field);
	case T_INT: return parse_number(text, no_units, &n) && set_number(c, o, n);
	case T_SIZE: return parse_number(text, size_units, &n) && set_number(c, o, n);
	case T_TIME: return parse_number(text, time_units, &n) && set_number(c, o, n);
	case T_CREDITS: break;
	}
	return ucr_parse(text, &n) && set_number(c, o, n);
}

struct reading {
	struct conf *conf;
	FILE *from;
	const char *file;
	int line, problems;
	bool indented;		   /* the line begins with a blank */
	const struct option *last; /* whose value was read last */
};

static void problem(struct reading *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
problem(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", r->file, r->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	r->problems++;
}

/* fgets() for inih, which would silently make several lines of one that does
 * not fit its buffer: such a line is a problem, and a value may go on in
 * further lines that begin with a blank. */
static char *
next_line(char *line, int size, void *user)
{
	struct reading *r = user;
	int c;

	if (fgets(line, size, r->from) == NULL) {
		if (ferror(r->from)) /* a folder, say: no empty file */
			problem(r, "%s", strerror(errno));
		return NULL;
	}
	r->line++;
	r->indented = isblank((unsigned char)*line);
	if (strchr(line, '\n') == NULL && !feof(r->from)) {
		problem(r, "longer than %d characters; go on in the next line after a blank", size - 2);
		while ((c = fgetc(r->from)) != EOF && c != '\n')
			continue;
	}
	return line;
}

static const struct option *
find_option(const char *section, const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].section, section) == 0 && strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

/* The value so far and a further line of it. */
static const char *
joined(struct conf *c, const struct option *o, const char *more)
{
	return arena_printf(c->arena, "%s %s", *(const char **)(void *)((char *)c + o->offset), more);
}

static const char *
bounds_text(struct conf *c, const struct option *o)
{
	if (o->type == T_BOOL || o->type == T_RATE)
		return "";
	return arena_printf(c->arena, " between %" PRId64 " and %" PRId64, o->min, o->max);
}

static int
on_value(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	const struct option *o = find_option(section, name);
	bool continued = r->indented && o != NULL && o == r->last;

	r->last = o;
	if (o == NULL)
		problem(r, "unknown option [%s] %s", section, name);
	else if (continued && o->type != T_STRING && o->type != T_SECRET)
		problem(r, "[%s] %s cannot go on in a second line", section, name);
	else if (!set_option(r->conf, o, continued ? joined(r->conf, o, value) : value))
		problem(r, "[%s] %s: \"%s\" is not a valid %s%s", section, name, value, type_names[o->type],
		    bounds_text(r->conf, o));
	return 1;
}

/* Read one file; a missing one is fine when `optional`. */
static int
read_file(struct conf *c, const char *path, bool optional)
{
	struct reading r = { .conf = c, .file = path };
	int bad_line;

	r.from = fopen(path, "re");
	if (r.from == NULL) {
		if (optional && errno == ENOENT)
			return 0;
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	bad_line = ini_parse_stream(next_line, &r, on_value, &r);
	if (bad_line != 0) {
		r.line = bad_line;
		problem(&r, "neither a [section] nor name = value");
	}
	fclose(r.from);
	return r.problems;
}

enum status
conf_load(const char *path, struct conf **out)
{
	struct arena *a = arena_new(8192, 1 << 20);
	struct conf *c = ARENA_NEW(a, struct conf);
	char *dir;
	int problems;

	c->arena = a;
	c->path = arena_strdup(a, path != NULL ? path : CONF_DEFAULT_PATH);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!set_option(c, &options[i], options[i].def))
			abort(); /* a default in config.def breaks its own bounds */
	problems = read_file(c, c->path, path == NULL);
	dir = arena_strdup(a, c->path);
	problems += read_file(c, arena_printf(a, "%s/secrets.conf", dirname(dir)), true);
	if (problems > 0) {
		conf_free(c);
		return E_INVALID_REQUEST;
	}
	*out = c;
	return OK;
}

void
conf_free(struct conf *c)
{
	if (c != NULL)
		arena_free(c->arena);
}

static void
show_value(const struct conf *c, const struct option *o, FILE *to)
{
	const char *field = (const char *)c + o->offset;
	const struct rate *rate = (const void *)field;
	char text[UCR_TEXT_LEN];

	switch (o->type) {
	case T_STRING: fprintf(to, "%s", *(const char *const *)(const void *)field); break;
	case T_SECRET: fputs(**(const char *const *)(const void *)field != '\0' ? "(set)" : "(empty)", to); break;
	case T_BOOL: fputs(*(const bool *)(const void *)field ? "yes" : "no", to); break;
	case T_RATE:
		if (rate->count == 0)
			fputs("off", to);
		else
			fprintf(to, "%" PRId64 "/%" PRId64 "ms", rate->count, rate->per_ms);
		break;
	case T_CREDITS: fputs(ucr_format(*(const int64_t *)(const void *)field, text), to); break;
	case T_SIZE: fprintf(to, "%zu", *(const size_t *)(const void *)field); break;
	case T_TIME:
	case T_INT:
		fprintf(to, "%" PRId64 "%s", *(const int64_t *)(const void *)field, o->type == T_TIME ? "ms" : "");
		break;
	}
}

size_t
conf_site_len(const struct conf *c)
{
	size_t len = strlen(c->server_base_url);

	while (len > 0 && c->server_base_url[len - 1] == '/')
		len--;
	return len;
}

/* Call `fn` for every section and option in the order of the table. */
static void
each_option(
    FILE *to, void (*on_section)(FILE *, const char *, const char *), void (*on_option)(FILE *, const struct option *))
{
	for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]); s++) {
		on_section(to, sections[s].name, sections[s].help);
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
			if (strcmp(options[i].section, sections[s].name) == 0)
				on_option(to, &options[i]);
	}
}

void
conf_show(const struct conf *c, FILE *to)
{
	const char *section = "";

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(section, options[i].section) != 0) {
			fprintf(to, "%s[%s]\n", i == 0 ? "" : "\n", options[i].section);
			section = options[i].section;
		}
		fprintf(to, "%s = ", options[i].name);
		show_value(c, &options[i], to);
		fputc('\n', to);
	}
}

static void
sample_section(FILE *to, const char *name, const char *help)
{
	fprintf(to, "\n# %s\n[%s]\n", help, name);
}

static void
sample_option(FILE *to, const struct option *o)
{
	fprintf(to, "\n# %s\n", o->help);
	fprintf(to, "# %s; default: %s\n#%s =%s%s\n", type_names[o->type], *o->def == '\0' ? "(empty)" : o->def,
	    o->name, *o->def == '\0' ? "" : " ", o->def);
}

void
conf_doc_sample(FILE *to)
{
	fputs("# weir.conf: see weir.conf(5). Every option is shown with its default.\n"
	      "# Secrets may stand in secrets.conf beside this file (mode 0640).\n",
	    to);
	each_option(to, sample_section, sample_option);
}

static void
man_text(FILE *to, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text != '\0'; text++) {
		if (*text == '-' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
		if (*text == '\\')
			fputc('e', to);
	}
}

static void
man_section(FILE *to, const char *name, const char *help)
{
	fprintf(to, ".SH \"SECTION [%s]\"\n", name);
	man_text(to, help);
	fputc('\n', to);
}

static void
man_option(FILE *to, const struct option *o)
{
	fprintf(to, ".TP\n.B %s\n(", o->name);
	man_text(to, type_names[o->type]);
	fputs("; default: ", to);
	man_text(to, *o->def == '\0' ? "empty" : o->def);
	fputs(")\n.br\n", to);
	man_text(to, o->help);
	fputc('\n', to);
}

void
conf_doc_man(FILE *to)
{
	fputs(
	    ".TH WEIR.CONF 5 \"\" \"Weir\" \"File formats\"\n.SH NAME\nweir.conf \\- configuration of Weir\n"
	    ".SH SYNOPSIS\n.B /etc/weir/weir.conf\n.br\n.B /etc/weir/secrets.conf\n"
	    ".SH DESCRIPTION\nAn ini file: sections in brackets, one\n.I name = value\nper line,"
	    " comments after # or ;.\n"
	    "An unknown option or a value out of bounds keeps the programs from starting, with file"
	    " and name\nof each problem;\n"
	    ".B weirctl config check\nfinds them beforehand.\nOptions take effect on\n.BR \"systemctl reload weir\" .\n"
	    "Secrets may stand in\n.I secrets.conf\nbeside the file, read after it; keep it readable by root"
	    " and the weir group only.\n",
	    to);
	each_option(to, man_section, man_option);
	fputs(".SH SEE ALSO\n.BR weir\\-fcgi (8),\n.BR weir\\-worker (8),\n.BR weirctl (8)\n", to);
}

static void
text_section(FILE *to, const char *name, const char *help)
{
	fprintf(to, "\n## [%s]\n\n%s\n\n", name, help);
}

static void
text_option(FILE *to, const struct option *o)
{
	fprintf(to, "- **%s** (%s; default `%s`): %s\n", o->name, type_names[o->type], o->def, o->help);
}

void
conf_doc_text(FILE *to)
{
	each_option(to, text_section, text_option);
}
