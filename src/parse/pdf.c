/* PDF, page by page (poppler).  Where lines are further apart than usual, or the first of
 * them is indented, a paragraph begins.  What the outline names is a heading; where there is
 * none, what is set larger than the rest of its page. */
#include <glib.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parse/doc.h"

#define OUTLINE_MAX 20000
#define OUTLINE_DEPTH_MAX 6
#define LINES_MAX 100000 /* of a page */
#define SIZES_MAX 32	 /* of fonts, on a page */
#define HEADING_MAX_COLUMNS 80

/* A heading by the outline. */
struct entry {
	int page, level; /* both from 1 */
	char *title;	 /* without white space */
};

struct pdf {
	struct doc *doc;
	PopplerDocument *file;
	struct entry *outline; /* as it stands there; NULL: none */
	size_t n;
};

/* A line of a page. */
struct line {
	const char *text;
	size_t len;
	double x, top;
	double size;	/* of its first character's font; 0: not asked for */
	unsigned width; /* columns */
};

static bool is_without_language_pack; /* poppler tells it in passing */

static void
on_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer arg)
{
	(void)domain, (void)arg;
	if (message != NULL && strstr(message, "anguage pack") != NULL)
		is_without_language_pack = true;
	if (level & G_LOG_FLAG_FATAL)
		abort();
}

/* ---- the outline ---- */

/* A title or line without white space, capitals and the number before it; the caller frees it. */
static char *
bare(const char *s, size_t len)
{
	char *made = g_malloc(len + 1), *out = made, *folded;
	bool number = true;

	for (size_t i = 0; i < len;) {
		gunichar c = g_utf8_get_char_validated(s + i, (gssize)(len - i));
		size_t n = (gint32)c < 0 ? 1 : (size_t)(g_utf8_next_char(s + i) - (s + i));

		number = number && (c < 0x80 && (g_ascii_isdigit((gchar)c) || c == '.' || c == ' '));
		if (!number && (gint32)c >= 0 && !g_unichar_isspace(c) && c != 0xA0) {
			memcpy(out, s + i, n);
			out += n;
		}
		i += n;
	}
	*out = '\0';
	folded = g_utf8_casefold(made, out - made);
	g_free(made);
	return folded;
}

static int
page_of(struct pdf *p, const PopplerAction *action)
{
	PopplerDest *dest;
	int page;

	if (action->type != POPPLER_ACTION_GOTO_DEST || action->goto_dest.dest == NULL)
		return 0;
	if (action->goto_dest.dest->type != POPPLER_DEST_NAMED)
		return action->goto_dest.dest->page_num;
	if (action->goto_dest.dest->named_dest == NULL)
		return 0;
	dest = poppler_document_find_dest(p->file, action->goto_dest.dest->named_dest);
	if (dest == NULL)
		return 0;
	page = dest->page_num;
	poppler_dest_free(dest);
	return page;
}

static void
read_outline(struct pdf *p, PopplerIndexIter *iter, int level)
{
	PopplerIndexIter *child;
	PopplerAction *action;

	do {
		action = poppler_index_iter_get_action(iter);
		if (action != NULL && action->any.title != NULL && p->n < OUTLINE_MAX) {
			if ((p->n & (p->n - 1)) == 0)
				p->outline = g_realloc(p->outline, (p->n == 0 ? 1 : 2 * p->n) * sizeof(*p->outline));
			p->outline[p->n++] = (struct entry){ .page = page_of(p, action),
				.level = level,
				.title = bare(action->any.title, strlen(action->any.title)) };
		}
		if (action != NULL)
			poppler_action_free(action);
		child = level < OUTLINE_DEPTH_MAX ? poppler_index_iter_get_child(iter) : NULL;
		if (child != NULL) {
			read_outline(p, child, level + 1);
			poppler_index_iter_free(child);
		}
	} while (p->n < OUTLINE_MAX && poppler_index_iter_next(iter));
}

/* The level of the heading that a line is; 0: none. */
static int
heading_level(struct pdf *p, int page, const struct line *line)
{
	char *text = NULL;
	int level = 0;

	for (size_t i = 0; i < p->n && level == 0; i++) {
		if (p->outline[i].page != page || p->outline[i].title[0] == '\0')
			continue;
		if (text == NULL)
			text = bare(line->text, line->len);
		if (strcmp(text, p->outline[i].title) == 0) {
			level = p->outline[i].level;
			p->outline[i].page = 0; /* once */
		}
	}
	g_free(text);
	return level;
}

/* ---- pages ---- */

/* The lines of a page; each gets its place from that of its first character.  The caller frees them. */
static struct line *
split(PopplerPage *page, const char *text, bool with_sizes, size_t *n)
{
	GList *runs = with_sizes ? poppler_page_get_text_attributes(page) : NULL, *run = runs;
	PopplerRectangle *places = NULL;
	guint n_places = 0, at = 0;
	struct line *lines = NULL;
	const char *end;

	*n = 0;
	if (!poppler_page_get_text_layout(page, &places, &n_places))
		n_places = 0;
	for (; *text != '\0' && *n < LINES_MAX; text = *end == '\0' ? end : end + 1) {
		struct line line = { .text = text };

		end = strchr(text, '\n');
		end = end == NULL ? text + strlen(text) : end;
		line.len = (size_t)(end - text);
		line.width = text_width(text, line.len);
		if (at < n_places) {
			line.x = places[at].x1;
			line.top = places[at].y1;
		}
		while (run != NULL && ((PopplerTextAttributes *)run->data)->end_index < (gint)at)
			run = run->next;
		line.size = run == NULL ? 0 : ((PopplerTextAttributes *)run->data)->font_size;
		at += (guint)g_utf8_strlen(text, (gssize)line.len) + 1;
		if ((*n & (*n - 1)) == 0)
			lines = g_realloc(lines, (*n == 0 ? 1 : 2 * *n) * sizeof(line));
		lines[(*n)++] = line;
	}
	g_free(places);
	if (runs != NULL)
		poppler_page_free_text_attributes(runs);
	return lines;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* From one line to the next within a paragraph, on this page; 0: not known.  Of all steps the
 * first quarter: half of them may be from one paragraph to the next.  Much smaller ones are
 * marks above a line.  (The heights of characters are the fonts', which say anything.) */
static double
usual_step(const struct line *lines, size_t n)
{
	double *steps = g_malloc(n * sizeof(double)), usual = 0;
	size_t found = 0, marks = 0;

	for (size_t i = 1; i < n; i++)
		if (lines[i].top > lines[i - 1].top + 0.5)
			steps[found++] = lines[i].top - lines[i - 1].top;
	if (found > 0) {
		qsort(steps, found, sizeof(double), by_size);
		while (steps[marks] < steps[found / 2] / 2)
			marks++;
		usual = steps[marks + (found - marks) / 4];
	}
	g_free(steps);
	return usual;
}

/* Does a paragraph begin with lines[i]? */
static bool
begins(const struct line *lines, size_t i, size_t n, double usual)
{
	const struct line *line = &lines[i], *before = &lines[i - 1];
	double step = line->top - before->top;

	if (usual <= 0 || step < 0) /* another column */
		return false;
	if (step > usual * 1.4)
		return true;
	/* indented against the lines around it, which are at the margin */
	return line->x - before->x > usual * 0.9 && line->x - before->x < usual * 4 && i + 1 < n &&
	    line->x - lines[i + 1].x > usual * 0.7;
}

/* The bytes of a bullet and the space after it that a line begins with; 0: none. */
static size_t
bullet(const struct line *line)
{
	static const char *const bullets[] = { "•", "●", "▪", "■", "◦", "‣", "⁃", "\xEF\x82\xB7" /* Symbol's */ };

	for (size_t i = 0; i < sizeof(bullets) / sizeof(*bullets); i++) {
		size_t len = strlen(bullets[i]);

		if (line->len > len + 1 && memcmp(line->text, bullets[i], len) == 0 && line->text[len] == ' ')
			return len + 1;
	}
	return 0;
}

/* The size that most of a page's text has; 0: none has most of it, so that nothing stands out. */
static double
body_size(const struct line *lines, size_t n)
{
	struct {
		double size;
		size_t columns, lines;
	} seen[SIZES_MAX] = { 0 };
	size_t columns = 0, most = 0, k;

	for (size_t i = 0; i < n; i++) {
		columns += lines[i].width;
		for (k = 0; k < SIZES_MAX && seen[k].lines > 0 && fabs(seen[k].size - lines[i].size) > 0.25; k++)
			;
		if (k == SIZES_MAX)
			continue;
		seen[k].size = lines[i].size;
		seen[k].columns += lines[i].width;
		seen[k].lines++;
		if (seen[k].columns > seen[most].columns)
			most = k;
	}
	return seen[most].lines >= 3 && seen[most].columns * 2 > columns ? seen[most].size : 0;
}

/* The level of a heading by its size: short, and no sentence; 0: none. */
static int
level_by_size(const struct line *line, double body)
{
	static const char *const ends[] = { ".", ",", ";", ":", "。", "，", "；", "：", "、" };
	bool has_letter = false;

	if (body <= 0 || line->size < body * 1.12 || line->width < 2 || line->width > HEADING_MAX_COLUMNS)
		return 0;
	for (size_t i = 0; i < line->len; i++)
		has_letter = has_letter || g_ascii_isalpha(line->text[i]) || (unsigned char)line->text[i] >= 0x80;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (line->len >= strlen(ends[i]) &&
		    memcmp(line->text + line->len - strlen(ends[i]), ends[i], strlen(ends[i])) == 0)
			return 0;
	return !has_letter ? 0 : line->size >= body * 1.6 ? 1 : line->size >= body * 1.3 ? 2 : 3;
}

/* An item, if the line begins with a bullet. */
static bool
write_item(struct text *t, const struct line *line)
{
	size_t skip = bullet(line);
	struct buf b = BUF_INIT(0);

	if (skip == 0)
		return false;
	buf_puts(&b, "- ");
	buf_add(&b, line->text + skip, line->len - skip);
	text_line(t, b.data, b.len, false);
	buf_free(&b);
	return true;
}

/* A heading; `more`: it goes on in another line. */
static void
write_heading(struct text *t, const struct line *line, int level, bool more)
{
	if (more)
		text_add(t, "\n", 1);
	else
		text_block(t, BLOCK_HEADING, level);
	text_add(t, line->text, line->len);
}

static void
write_page(struct pdf *p, int number, const struct line *lines, size_t n)
{
	struct text *t = &p->doc->text;
	double usual = usual_step(lines, n), body = p->n == 0 ? body_size(lines, n) : 0;
	int level, before = 0; /* of the line before, by its size */
	unsigned widest = 0;

	for (size_t i = 0; i < n; i++)
		if (lines[i].width > widest)
			widest = lines[i].width;
	for (size_t i = 0; i < n && !t->out.overflow; i++) {
		level = p->n > 0 ? heading_level(p, number, &lines[i]) : level_by_size(&lines[i], body);
		if (level > 0) {
			write_heading(t, &lines[i], level,
			    p->n == 0 && level == before && lines[i].top > lines[i - 1].top &&
				lines[i].top - lines[i - 1].top < lines[i].size * 2);
			before = level;
			continue;
		}
		text_block(t, BLOCK_PARAGRAPH, 0); /* the heading is over */
		before = 0;
		if (i > 0 && begins(lines, i, n, usual))
			text_line(t, "", 0, false);
		if (!write_item(t, &lines[i]))
			text_line(t, lines[i].text, lines[i].len, i > 0 && lines[i - 1].width * 10 >= widest * 7);
	}
	text_block(t, BLOCK_PARAGRAPH, 0);
}

static void
read_page(struct pdf *p, int number)
{
	PopplerPage *page = poppler_document_get_page(p->file, number - 1);
	struct line *lines;
	char *text;
	size_t n;

	text_page(&p->doc->text);
	if (page == NULL)
		return;
	text = poppler_page_get_text(page);
	if (text != NULL && *text != '\0') {
		lines = split(page, text, p->n == 0, &n);
		write_page(p, number, lines, n);
		g_free(lines);
	}
	g_free(text);
	g_object_unref(page);
}

static enum code
read_file(struct pdf *p)
{
	PopplerIndexIter *iter = poppler_index_iter_new(p->file);
	int pages = poppler_document_get_n_pages(p->file);
	char *title = poppler_document_get_title(p->file);

	doc_title(p->doc, title);
	g_free(title);
	if (iter != NULL && pages <= p->doc->pages_max)
		read_outline(p, iter, 1);
	poppler_index_iter_free(iter);
	p->doc->pages = pages;
	if (pages <= 0)
		return doc_fail(p->doc, CODE_DAMAGED, "it has no pages");
	if (pages > p->doc->pages_max)
		return doc_fail(p->doc, CODE_TOO_LARGE, "%d pages, more than %d", pages, p->doc->pages_max);
	for (int i = 1; i <= pages && !p->doc->text.out.overflow; i++)
		read_page(p, i);
	if (is_without_language_pack)
		return doc_fail(p->doc, CODE_MISSING_LANGUAGE_PACK, "poppler has no tables for a font of it");
	return text_is_blank(&p->doc->text) ? doc_fail(p->doc, CODE_NO_TEXT_LAYER, "%d pages without text", pages)
					    : CODE_OK;
}

/* NULL: *error says why.  The file is opened anew, as poppler closes it. */
static PopplerDocument *
open_with(struct doc *d, const char *password, GError **error)
{
	int fd = lseek(d->fd, 0, SEEK_SET) == 0 ? dup(d->fd) : -1;

	g_clear_error(error);
	if (fd < 0)
		return NULL;
	return poppler_document_new_from_fd(fd, password, error);
}

enum code
read_pdf(struct doc *d)
{
	struct pdf p = { .doc = d };
	GError *error = NULL;
	enum code code;

	d->kind = "pdf";
	g_log_set_default_handler(on_log, NULL);
	p.file = open_with(d, d->password, &error);
	/* To a wrong password it says that the file is damaged (seen with 22.12). */
	if (p.file == NULL && d->password != NULL)
		p.file = open_with(d, NULL, &error);
	if (p.file == NULL) {
		code = doc_fail(d,
		    g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED) ? CODE_ENCRYPTED : CODE_DAMAGED,
		    "%s", error == NULL ? "it cannot be opened" : error->message);
		g_clear_error(&error);
		return code;
	}
	code = read_file(&p);
	for (size_t i = 0; i < p.n; i++)
		g_free(p.outline[i].title);
	g_free(p.outline);
	g_object_unref(p.file);
	return code;
}
