/* A document while it is read: what is known of it, and what comes of it.  One thread. */
#ifndef WEIR_PARSE_DOC_H
#define WEIR_PARSE_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "parse/text.h"

/* Why there is no text. */
enum code {
	CODE_OK = 0,
#define CODE(NAME, code, en, zh) CODE_##NAME,
#include "parse/codes.def"
#undef CODE
};

#define INPUT_MAX_BYTES (256u << 20) /* of a file that is no PDF or archive */

struct doc {
	int fd;		      /* a regular file */
	size_t size_bytes;    /* its */
	const char *password; /* NULL: none given */
	const char *hint;     /* its name's extension in lower case; "" */
	bool is_zh;	      /* whoever sent it reads Chinese */
	int pages_max;

	struct text text;
	const char *kind; /* static; NULL: not known */
	int pages;	  /* 0: has none */
	char *title;	  /* NULL: none; owned */
	char detail[300]; /* of the code, in English; "" */
};

/* Find out what it is and read it.  The text is in d->text. */
enum code doc_read(struct doc *d);
/* Say why (printf); returns `code`. */
enum code doc_fail(struct doc *d, enum code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The stable name of a code; NULL for CODE_OK. */
const char *doc_code_name(enum code code);
/* The title the document gives itself, unless it has one already. */
void doc_title(struct doc *d, const char *title);
void doc_free(struct doc *d);

/* The readers, each for what doc_read() found it to be. */
struct zipbox;
enum code read_pdf(struct doc *d);
enum code read_docx(struct doc *d, struct zipbox *z, const char *main_part);
enum code read_pptx(struct doc *d, struct zipbox *z, const char *main_part);
enum code read_xlsx(struct doc *d, struct zipbox *z, const char *main_part);
enum code read_odt(struct doc *d, struct zipbox *z);
enum code read_epub(struct doc *d, struct zipbox *z);
/* `bytes` is UTF-8. */
enum code read_html(struct doc *d, const char *bytes, size_t len);
enum code read_markdown(struct doc *d, const char *bytes, size_t len);
enum code read_csv(struct doc *d, const char *bytes, size_t len);
enum code read_txt(struct doc *d, const char *bytes, size_t len);

#endif
