#include "lens/label.h"

#include <exempi/xmp.h>
#include <exempi/xmpconsts.h>
#include <stdio.h>

/* TC260-PG-20258A, for GB 45438-2025, appendix E. */
#define AIGC_NS "http://www.tc260.org.cn/ns/AIGC/1.0/"
/* iptc.org, Photo Metadata 2023.2; cv.iptc.org/newscodes/digitalsourcetype */
#define IPTC_NS "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
#define MADE_BY_A_MODEL "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

static bool
problem(const char *what)
{
	fprintf(stderr, "%s: exempi error %d\n", what, xmp_get_error());
	return false;
}

static bool
set(XmpPtr xmp, const char *ns, const char *prefix, const char *name, const char *value)
{
	return xmp_register_namespace(ns, prefix, NULL) && xmp_set_property(xmp, ns, name, value, 0);
}

bool
label_write(const char *path, const char *aigc)
{
	XmpFilePtr file;
	XmpPtr xmp;
	bool ok;

	if (!xmp_init())
		return problem("start");
	if ((file = xmp_files_open_new(path, XMP_OPEN_FORUPDATE | XMP_OPEN_USESMARTHANDLER)) == NULL)
		return problem("open");
	xmp = xmp_files_get_new_xmp(file);
	if (xmp == NULL)
		xmp = xmp_new_empty();
	ok = set(xmp, AIGC_NS, "TC260", "AIGC", aigc) &&
	    set(xmp, IPTC_NS, "Iptc4xmpExt", "DigitalSourceType", MADE_BY_A_MODEL) && xmp_files_can_put_xmp(file, xmp) &&
	    xmp_files_put_xmp(file, xmp);
	ok = xmp_files_close(file, XMP_CLOSE_NOOPTION) && ok;
	if (!ok)
		problem("write");
	xmp_free(xmp);
	xmp_files_free(file);
	return ok;
}
