/* EPUB 2 and 3: the chapters of the spine, in its order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "parse/charset.h"
#include "parse/office.h"
#include "parse/xml.h"

#define ITEMS_MAX 10000

/* The manifest of the package. */
struct item {
	char *id, *path;
	bool is_text;
};

struct epub {
	struct doc *doc;
	struct zipbox *zip;
	const char *package; /* its path */
	struct item items[ITEMS_MAX];
	size_t n;
};

/* Fonts may be obfuscated; anything else that is encrypted is not for us. */
static bool
is_encrypted(struct zipbox *z)
{
	enum xml_event e;
	bool found = false;
	const char *algorithm;
	struct xml x;

	if (xml_open(&x, z, "META-INF/encryption.xml"))
		while (!found && (e = xml_next(&x)) > XML_END)
			if (e == XML_OPEN && xml_is(&x, "EncryptedData")) {
				/* its first child says how */
				while (!found && (e = xml_next(&x)) > XML_END && !xml_is(&x, "EncryptedData"))
					if (e == XML_OPEN && xml_is(&x, "EncryptionMethod")) {
						algorithm = xml_attr(&x, "Algorithm");
						found = algorithm != NULL &&
						    strstr(algorithm, "idpf.org/2008/embedding") == NULL &&
						    strstr(algorithm, "ns.adobe.com/pdf/enc#RC") == NULL;
					}
			}
	xml_close(&x);
	return found;
}

/* Where the package is; the caller frees it.  NULL: nobody says. */
static char *
find_package(struct zipbox *z)
{
	char *path = NULL;
	enum xml_event e;
	struct xml x;

	if (xml_open(&x, z, "META-INF/container.xml"))
		while (path == NULL && (e = xml_next(&x)) > XML_END)
			if (e == XML_OPEN && xml_is(&x, "rootfile") && xml_attr(&x, "full-path") != NULL)
				path = xstrdup(x.value);
	xml_close(&x);
	return path;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* The archive's name of an address in the package, without what follows #; the caller frees it. */
static char *
path_of(const char *package, const char *address)
{
	const char *slash = strrchr(package, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - package) + 1;
	char *made = xmalloc(folder + strlen(address) + 1), *out = made + folder;

	memcpy(made, package, folder);
	for (; *address != '\0' && *address != '#'; address++)
		if (*address == '%' && hex(address[1]) >= 0 && hex(address[2]) >= 0) {
			*out++ = (char)(hex(address[1]) * 16 + hex(address[2]));
			address += 2;
		} else if (strncmp(address, "../", 3) == 0 && out > made && out[-1] == '/') {
			for (out--; out > made && out[-1] != '/'; out--)
				;
			address += 2;
		} else {
			*out++ = *address;
		}
	*out = '\0';
	return made;
}

static void
add_item(struct epub *b, struct xml *x)
{
	struct item item = { 0 };
	const char *type = xml_attr(x, "media-type"), *properties;

	item.is_text = type != NULL && (strcmp(type, "application/xhtml+xml") == 0 || strcmp(type, "text/html") == 0);
	properties = xml_attr(x, "properties");
	item.is_text = item.is_text && (properties == NULL || strstr(properties, "nav") == NULL); /* its contents */
	if (!item.is_text || b->n >= ITEMS_MAX || xml_attr(x, "id") == NULL)
		return;
	item.id = xstrdup(x->value);
	item.path = path_of(b->package, xml_attr(x, "href") == NULL ? "" : x->value);
	b->items[b->n++] = item;
}

static enum code
read_chapter(struct epub *b, const char *id)
{
	enum code code = CODE_OK;
	char *bytes, *utf8;
	size_t len, utf8_len;

	for (size_t i = 0; id != NULL && i < b->n; i++) {
		if (strcmp(b->items[i].id, id) != 0)
			continue;
		bytes = zipbox_read(b->zip, b->items[i].path, &len);
		if (bytes == NULL)
			return zipbox_code(b->zip); /* one that is missing is passed over */
		utf8 = charset_decode(bytes, len, CHARSET_HTML, b->doc->is_zh, &utf8_len);
		if (utf8 != NULL)
			code = read_html(b->doc, utf8, utf8_len);
		free(utf8);
		free(bytes);
		return code;
	}
	return CODE_OK;
}

static enum code
read_package(struct epub *b)
{
	enum xml_event e = XML_BROKEN;
	enum code code = CODE_OK;
	bool in_title = false;
	struct xml x;

	if (xml_open(&x, b->zip, b->package))
		while (code == CODE_OK && !b->doc->text.out.overflow && (e = xml_next(&x)) > XML_END) {
			if (e == XML_TEXT && in_title)
				doc_title(b->doc, xml_text(&x));
			in_title = e == XML_OPEN && xml_is(&x, "title");
			if (e == XML_OPEN && xml_is(&x, "item"))
				add_item(b, &x);
			else if (e == XML_OPEN && xml_is(&x, "itemref"))
				code = read_chapter(b, xml_attr(&x, "idref"));
		}
	xml_close(&x);
	return e == XML_BROKEN && code == CODE_OK ? doc_fail(b->doc, CODE_DAMAGED, "the package is no whole XML")
						  : code;
}

enum code
read_epub(struct doc *d, struct zipbox *z)
{
	struct epub *b;
	char *package;
	enum code code;

	d->kind = "epub";
	if (is_encrypted(z))
		return doc_fail(d, CODE_ENCRYPTED, "META-INF/encryption.xml");
	package = find_package(z);
	if (package == NULL)
		return office_end(z, doc_fail(d, CODE_DAMAGED, "META-INF/container.xml names no package"));
	b = xcalloc(1, sizeof(*b));
	b->doc = d;
	b->zip = z;
	b->package = package;
	code = read_package(b);
	for (size_t i = 0; i < b->n; i++) {
		free(b->items[i].id);
		free(b->items[i].path);
	}
	free(b);
	free(package);
	return office_end(z, code);
}
