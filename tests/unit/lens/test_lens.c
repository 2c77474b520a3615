/* What is bound can do no more than it should; a mark stands in what is whole, and in nothing that is cut. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lens/confine.h"
#include "lens/label.h"
#include "lens/marked.h"
#include "tap.h"

#define AIGC "{\"Label\":\"1\",\"ContentProducer\":\"<&>\"}"
#define ESCAPED "{&quot;Label&quot;:&quot;1&quot;,&quot;ContentProducer&quot;:&quot;&lt;&amp;&gt;&quot;}"
#define OUT_BYTES (1u << 20)

/* The sanitizers want all of the address space. */
#if !defined(__has_feature)
#define __has_feature(what) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
#define MEMORY_BYTES 0
#else
#define MEMORY_BYTES (1ULL << 30)
#endif

/* ---- bound --------------------------------------------------------------------------- */

/* Each a door that must be shut; the number of the first that is open, 0: none. */
static int
doors(const char *given)
{
	char path[] = "/tmp/weir-lens-XXXXXX";
	int fd = open(given, O_RDONLY);

	if (fd < 0 || !confine(fd))
		return 1;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
		return 2;
	if (open("/etc/passwd", O_RDONLY) >= 0 || open("/proc/1/environ", O_RDONLY) >= 0)
		return 3;
	if (mkstemp(path) >= 0)
		return 4;
	if (open(given, O_WRONLY) >= 0)
		return 5;
	if (unlink(given) == 0 || rename(given, "/tmp/elsewhere") == 0 || chmod(given, 0777) == 0)
		return 6;
	/* and those that must be open */
	if (open(given, O_RDONLY) < 0 || open("/dev/null", O_RDWR) < 0 || open("/usr/bin/env", O_RDONLY) < 0)
		return 7;
	return execl("/usr/bin/env", "env", "true", (char *)NULL) == 0 ? 0 : 8;
}

static bool
has_landlock(void)
{
	return syscall(444, NULL, 0, 1) > 0; /* landlock_create_ruleset(): which version */
}

static void
test_doors(void)
{
	char path[] = "/tmp/weir-given-XXXXXX";
	int fd = mkstemp(path), status = -1;
	pid_t pid;

	CU_ASSERT_FATAL(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(doors(path));
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status));
	if (has_landlock())
		CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	CU_ASSERT_EQUAL(access(path, R_OK), 0);
	unlink(path);
}

static void
test_limits(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		char *bytes;

		if (!confine_limit(
			&(struct confine_limits){ .cpu_s = 1, .memory_bytes = MEMORY_BYTES, .written_bytes = 1000 }))
			_exit(1);
		bytes = MEMORY_BYTES == 0 ? NULL : malloc(2UL << 30);
		if (bytes != NULL)
			_exit(2);
		for (volatile unsigned long n = 0;; n++) {
		}
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU));
}

/* ---- marked ------------------------------------------------------------------------------ */

static char *
read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(65536);

	CU_ASSERT_FATAL(f != NULL && data != NULL);
	*len = fread(data, 1, 65536, f);
	fclose(f);
	return data;
}

/* Each length of it, in memory of its own; the mark is in what is made, or nothing is. */
static void
mark_cut(const char *type, const char *data, size_t len)
{
	for (size_t n = 0; n <= len; n++) {
		struct buf out = BUF_INIT(OUT_BYTES);
		char *cut = malloc(n + 1);

		memcpy(cut, data, n);
		cut = realloc(cut, n == 0 ? 1 : n);
		if (label_picture(type, cut, n, AIGC, &out))
			CU_ASSERT_PTR_NOT_NULL(memmem(out.data, out.len, ESCAPED, strlen(ESCAPED)));
		free(cut);
		buf_free(&out);
	}
}

static void
test_pictures(void)
{
	static const char *const types[] = { "image/png", "image/jpeg", "image/webp" };
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/tests/fuzz/corpus/label/*", getenv("srcdir"));
	CU_ASSERT_EQUAL_FATAL(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct buf out = BUF_INIT(OUT_BYTES), full = BUF_INIT(100);
		size_t len;
		char *data = read_file(found.gl_pathv[i], &len);
		const char *type = types[(unsigned char)data[0] % 3];
		bool is_whole = strstr(found.gl_pathv[i], "cut") == NULL;

		mark_cut(type, data + 1, len - 1);
		if (is_whole) {
			CU_ASSERT_TRUE(label_picture(type, data + 1, len - 1, AIGC, &out));
			CU_ASSERT(out.len > len - 1);
			CU_ASSERT_FALSE(label_picture(type, data + 1, len - 1, AIGC, &full));
			CU_ASSERT_FALSE(label_picture("image/gif", data + 1, len - 1, AIGC, &out));
		}
		free(data);
		buf_free(&out);
		buf_free(&full);
	}
	globfree(&found);
}

/* What marked_copy() makes of those bytes; freed by the caller, NULL: nothing. */
static char *
copy_of(const char *type, const char *data, size_t len, size_t *out_len)
{
	FILE *in = tmpfile(), *out = tmpfile();
	char *made = NULL;

	CU_ASSERT_FATAL(in != NULL && out != NULL && fwrite(data, 1, len, in) == len && fflush(in) == 0);
	if (marked_copy(type, fileno(in), fileno(out), AIGC)) {
		made = malloc(65536);
		*out_len = (size_t)pread(fileno(out), made, 65536, 0);
	}
	fclose(in);
	fclose(out);
	return made;
}

static void
test_films(void)
{
	static const char whole[] = "\0\0\0\x10"
				    "ftypisom\0\0\0\0"
				    "\0\0\0\1"
				    "mdat\0\0\0\0\0\0\0\x14"
				    "abcd"
				    "\0\0\0\x08"
				    "free";
	static const char open_end[] = "\0\0\0\x10"
				       "ftypisom\0\0\0\0"
				       "\0\0\0\0"
				       "mdatabcd";
	size_t len = 0;
	char *made = copy_of("video/mp4", whole, sizeof(whole) - 1, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(made);
	CU_ASSERT(len > sizeof(whole) - 1 && memcmp(made, whole, sizeof(whole) - 1) == 0);
	CU_ASSERT_PTR_NOT_NULL(memmem(made, len, ESCAPED, strlen(ESCAPED)));
	CU_ASSERT_EQUAL(memcmp(made + sizeof(whole) - 1 + 4, "uuid\xbe\x7a\xcf\xcb", 8), 0);
	CU_ASSERT_EQUAL((size_t)(unsigned char)made[sizeof(whole) + 1] << 8 | (unsigned char)made[sizeof(whole) + 2],
	    len - (sizeof(whole) - 1)); /* the box is as long as it says */
	free(made);
	CU_ASSERT_PTR_NULL(copy_of("video/mp4", open_end, sizeof(open_end) - 1, &len));
	CU_ASSERT_PTR_NULL(copy_of("video/mp4", whole, sizeof(whole) - 3, &len));
	CU_ASSERT_PTR_NULL(copy_of("video/mp4", "", 0, &len));
	CU_ASSERT_PTR_NULL(copy_of("video/webm", whole, sizeof(whole) - 1, &len));
}

int
main(void)
{
	CU_TestInfo tests[] = {
		{ "doors that are shut, and those that are open", test_doors },
		{ "bounds of time and memory", test_limits },
		{ "pictures, whole and cut at every byte", test_pictures },
		{ "films: a box behind the last", test_films },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { .pName = "lens", .pTests = tests }, CU_SUITE_INFO_NULL };

	return tap_run(suites);
}
