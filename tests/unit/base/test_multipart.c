/* Forms with files, as clients send them and as nobody should. */
#include "base/multipart.h"

#include <string.h>

#include "tap.h"

#define TYPE "multipart/form-data; boundary=xx"

/* What is read of a body: "name=value,name@file:type=value" and a dot at its proper end. */
static const char *
told(const char *type, const char *body, size_t len)
{
	static char out[1024];
	struct multipart_part part;
	struct multipart m;
	size_t n = 0;

	out[0] = '\0';
	if (!multipart_init(&m, type, body, len))
		return "no form";
	while (multipart_next(&m, &part))
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s%s%s%s=%.*s,", part.name, part.is_file ? "@" : "",
		    part.file_name, *part.type != '\0' ? ":" : "", part.type, (int)part.len, part.data);
	snprintf(out + n, sizeof(out) - n, "%s", m.is_whole ? "." : "");
	return out;
}

#define TOLD(body, wanted) CU_ASSERT_STRING_EQUAL(told(TYPE, body, strlen(body)), wanted)
#define FIELD "Content-Disposition: form-data; name="

static void
test_forms(void)
{
	TOLD("--xx\r\n" FIELD "\"a\"\r\n\r\none\r\n--xx\r\n" FIELD "\"b\"\r\n\r\n\r\n--xx--\r\n", "a=one,b=,.");
	TOLD("--xx\r\n" FIELD "f; filename=\"x.wav\"\r\nContent-Type: audio/wav\r\n\r\nRI\r\nFF\r\n--xx--",
	    "f@x.wav:audio/wav=RI\r\nFF,.");
	TOLD("a preamble\r\n--xx\nContent-Type: text/plain\n" FIELD "\"a\"\n\none\n--xx--", "a:text/plain=one,.");
	TOLD("--xx \t\r\n" FIELD "\"a\"\r\n\r\n--xxx\r\n --xx\r\n--xx--", "a=--xxx\r\n --xx,.");
	TOLD("--xx--\r\n", ".");
	TOLD("--xx\r\n" FIELD "\"a; filename=\"; filename=\"b;c\"\r\n\r\none\r\n--xx--", "a; filename=@b;c=one,.");
	TOLD("--xx\r\nContent-Disposition: form-data ; filename = x; NAME=a \r\n\r\none\r\n--xx--", "a=one,.");
}

static void
test_broken_forms(void)
{
	TOLD("", "");
	TOLD("--xx", "");
	TOLD("--xx\r\n" FIELD "\"a\"\r\n\r\none", "");
	TOLD("--xx\r\n" FIELD "\"a\"\r\n\r\none\r\n--xx\r\n" FIELD "\"b", "a=one,");
	TOLD("--xx\r\n\r\nno name\r\n--xx--", "");
	TOLD("--xx\r\n" FIELD "\"a\"\r\n--xx--", "");
	TOLD("--xx\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nx\r\n--xx--", "");
	CU_ASSERT_STRING_EQUAL(told("multipart/form-data", "", 0), "no form");
	CU_ASSERT_STRING_EQUAL(told("multipart/form-data; boundary=", "", 0), "no form");
	CU_ASSERT_STRING_EQUAL(told("application/json; boundary=x", "", 0), "no form");
	CU_ASSERT_STRING_EQUAL(told(NULL, "", 0), "no form");
	CU_ASSERT_STRING_EQUAL(told(TYPE, NULL, 0), "no form");
}

/* A name that is too long ends the form; a mark within a NUL's line is none. */
static void
test_bounds(void)
{
	char body[512], name[200];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(body, sizeof(body), "--xx\r\n" FIELD "\"%s\"\r\n\r\none\r\n--xx--", name);
	TOLD(body, "");
	memcpy(body, "--xx\r\n" FIELD "\"a\"\r\n\r\n\r\n--xx\0\r\n--xx--", 63);
	CU_ASSERT_PTR_NULL(strstr(told(TYPE, body, 63), "a=,."));
}

static void
test_written_anew(void)
{
	static const char body[] = "--xx\r\n" FIELD
				   "\"a\\\"; filename=\"q\\.png\"\r\nContent-Type: image/png\r\n\r\none\r\n--xx--";
	struct multipart_part part;
	struct multipart m;
	struct buf out = BUF_INIT(0);

	CU_ASSERT_FATAL(multipart_init(&m, TYPE, body, sizeof(body) - 1));
	CU_ASSERT_FATAL(multipart_next(&m, &part));
	CU_ASSERT(multipart_is(&part, "A\\"));
	multipart_put(&out, "yy", &part);
	multipart_put_end(&out, "yy");
	CU_ASSERT_STRING_EQUAL(out.data,
	    "--yy\r\n" FIELD "\"a_\"; filename=\"q_.png\"\r\nContent-Type: image/png\r\n\r\none\r\n--yy--\r\n");
	buf_free(&out);
}

static CU_TestInfo tests[] = {
	{ "forms are read part by part", test_forms },
	{ "broken ones end, and are not whole", test_broken_forms },
	{ "bounds hold", test_bounds },
	{ "parts are written anew", test_written_anew },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "multipart", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
