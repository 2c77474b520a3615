/* weir.conf: values, bounds, problems with file and line, secrets.conf, the documents made from the table. */
#include "base/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/money.h"
#include "tap.h"

static char folder[] = "/tmp/weir-conf-XXXXXX";
static char conf_path[64], secrets_path[64], errors_path[64];

static int
set_up(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(conf_path, sizeof(conf_path), "%s/weir.conf", folder);
	snprintf(secrets_path, sizeof(secrets_path), "%s/secrets.conf", folder);
	snprintf(errors_path, sizeof(errors_path), "%s/stderr", folder);
	return 0;
}

static int
tear_down(void)
{
	unlink(conf_path);
	unlink(secrets_path);
	unlink(errors_path);
	return rmdir(folder);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static const char *
slurp(FILE *f)
{
	static char text[256 * 1024];
	size_t n;

	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	return text;
}

/* Load `text`; *problems is what was said on stderr. */
static enum status
load(const char *text, const char *secrets, struct conf **out, const char **problems)
{
	int saved = dup(STDERR_FILENO);
	enum status st;
	FILE *f;

	put(conf_path, text);
	unlink(secrets_path);
	if (secrets != NULL)
		put(secrets_path, secrets);
	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(errors_path, "w", stderr));
	st = conf_load(conf_path, out);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	f = fopen(errors_path, "r");
	*problems = slurp(f);
	fclose(f);
	return st;
}

static void
check_refused(const char *text, const char *problem)
{
	struct conf *c = NULL;
	const char *said;

	CU_ASSERT_EQUAL(load(text, NULL, &c, &said), E_INVALID_REQUEST);
	CU_ASSERT_PTR_NULL(c);
	if (strstr(said, problem) == NULL) {
		printf("# expected \"%s\" in: %s", problem, said);
		CU_FAIL("problem not told");
	}
}

static void
test_defaults(void)
{
	struct conf *c = NULL;
	const char *said;

	CU_ASSERT_EQUAL_FATAL(load("", NULL, &c, &said), OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL(c->server_processes, 2);
	CU_ASSERT_EQUAL(c->auth_access_ttl, 15 * 60 * 1000);
	CU_ASSERT_EQUAL(c->server_max_header_bytes, 32 * 1024);
	CU_ASSERT_TRUE(c->auth_secure_cookie);
	CU_ASSERT_EQUAL(c->limits_rate_stream.count, 30);
	CU_ASSERT_EQUAL(c->limits_rate_stream.per_ms, 60000);
	CU_ASSERT_STRING_EQUAL(c->auth_registration, "closed");
	CU_ASSERT_STRING_EQUAL(c->auth_jwt_keys, "");
	conf_free(c);
	conf_free(NULL);
}

static void
test_values(void)
{
	struct conf *c = NULL;
	const char *said;

	CU_ASSERT_EQUAL_FATAL(
	    load("# a comment\n[server]\nworkers=8\n; another\nread_timeout = 250ms\nmax_url_bytes = 16K\n"
		 "[auth]\nsecure_cookie = off\nsignup_gift = 12.5\n"
		 "[limits]\nrate_login = off\nrate_stream = 5/10s\nduplicate_window = 0\n",
		NULL, &c, &said),
	    OK);
	CU_ASSERT_EQUAL(c->server_workers, 8);
	CU_ASSERT_EQUAL(c->server_read_timeout, 250);
	CU_ASSERT_EQUAL(c->server_max_url_bytes, 16384);
	CU_ASSERT_FALSE(c->auth_secure_cookie);
	CU_ASSERT_EQUAL(c->limits_rate_login.count, 0);
	CU_ASSERT_EQUAL(c->limits_rate_stream.per_ms, 10000);
	CU_ASSERT_EQUAL(c->limits_duplicate_window, 0);
	conf_free(c);
	CU_ASSERT_EQUAL_FATAL(load("[server]\n workers = 3\nmax_url_bytes = 8k", NULL, &c, &said), OK);
	CU_ASSERT_EQUAL(c->server_workers, 3); /* the first line after a section goes on with nothing */
	CU_ASSERT_EQUAL(c->server_max_url_bytes, 8192);
	conf_free(c);
}

static void
test_secrets(void)
{
	struct conf *c = NULL;
	const char *said;
	FILE *f = tmpfile();

	CU_ASSERT_EQUAL_FATAL(load("[auth]\njwt_keys = k0:old\n",
				  "[auth]\njwt_keys = k1:sEcReT\n[database]\nurl = password=hUnTeR\n", &c, &said),
	    OK);
	CU_ASSERT_STRING_EQUAL(c->auth_jwt_keys, "k1:sEcReT"); /* read after, wins */
	conf_show(c, f);
	said = slurp(f);
	CU_ASSERT_PTR_NULL(strstr(said, "sEcReT"));
	CU_ASSERT_PTR_NULL(strstr(said, "hUnTeR"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "jwt_keys = (set)"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "encryption_key = (empty)"));
	fclose(f);
	conf_free(c);
}

static void
test_show(void)
{
	static const char *const lines[] = { "[server]\n", "\n[auth]\n", "\nread_timeout = 250ms\n",
		"\nmax_url_bytes = 16384\n", "\nworkers = 8\n", "\nsecure_cookie = no\n", "\nsignup_gift = 12.5\n",
		"\nrate_login = off\n", "\nrate_stream = 5/10000ms\n", "\nissuer = x y\n" };
	struct conf *c = NULL;
	const char *said;
	FILE *f = tmpfile();

	CU_ASSERT_EQUAL_FATAL(
	    load("[server]\nworkers=8\nread_timeout = 250ms\nmax_url_bytes = 16k\n[auth]\nissuer = x\n y\n"
		 "secure_cookie = off\nsignup_gift = 12.5\n[limits]\nrate_login = off\n"
		 "rate_stream = 5/10s\n",
		NULL, &c, &said),
	    OK);
	conf_show(c, f);
	said = slurp(f);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strstr(said, lines[i]) == NULL)
			CU_FAIL(lines[i]);
	fclose(f);
	conf_free(c);
}

static void
test_long_values(void)
{
	struct conf *c = NULL;
	const char *said;
	char text[2000];

	CU_ASSERT_EQUAL_FATAL(load("[auth]\njwt_keys = k2:two\n k1:one\n\tk0:zero\nissuer = x\n", NULL, &c, &said), OK);
	CU_ASSERT_STRING_EQUAL(c->auth_jwt_keys, "k2:two k1:one k0:zero");
	CU_ASSERT_STRING_EQUAL(c->auth_issuer, "x");
	conf_free(c);
	/* a line that inih would take for several must not pass as something else */
	snprintf(text, sizeof(text), "[auth]\njwt_keys = k1:%01000d\n", 1);
	check_refused(text, "weir.conf:2: longer than 198 characters");
	snprintf(text, sizeof(text), "[auth]\nissuer = %0189d\n", 1); /* exactly 198: the most */
	CU_ASSERT_EQUAL(load(text, NULL, &c, &said), OK);
	CU_ASSERT_EQUAL(strlen(c->auth_issuer), 189);
	conf_free(c);
	check_refused("[server]\nworkers = 1\n 2\n", "weir.conf:3: [server] workers cannot go on");
	check_refused("[server]\nworkers = 1\n  queue = 2\n", "weir.conf:3: [server] workers cannot go on");
	check_refused("[server]\nworker = 1\n 2\n", "weir.conf:3: unknown option [server] worker");
	snprintf(text, sizeof(text), "[auth]\njwt_keys = k1:%01000d", 1); /* and the file ends in it */
	check_refused(text, "weir.conf:2: longer than 198 characters");
}

static void
test_problems(void)
{
	check_refused("[server]\nworker = 1\n", "weir.conf:2: unknown option [server] worker");
	check_refused("[nowhere]\nx = 1\n", "unknown option [nowhere] x");
	check_refused("[server]\n\nworkers = 0\n",
	    "weir.conf:3: [server] workers: \"0\" is not a valid number between 1 and 256");
	check_refused("[server]\nworkers = 257\n", "between 1 and 256");
	check_refused("[server]\nworkers = 4x\n", "is not a valid number");
	check_refused("[server]\nworkers = 99999999999999999999\n", "is not a valid number");
	check_refused("[server]\nworkers =\n", "is not a valid number");
	check_refused("[server]\nread_timeout = 10\n", "is not a valid time"); /* no unit */
	check_refused("[server]\nread_timeout = 9223372036854775807d\n", "is not a valid time");
	check_refused("[server]\nmax_url_bytes = 1q\n", "is not a valid size");
	check_refused("[auth]\nsecure_cookie = maybe\n", "is not a valid yes or no\n");
	check_refused("[auth]\nsignup_gift = -1\n", "is not a valid credits");
	check_refused("[auth]\nsignup_gift = 1.1234567\n", "is not a valid credits");
	check_refused("[limits]\nrate_login = 5\n", "is not a valid rate");
	check_refused("[limits]\nrate_login = 0/1m\n", "is not a valid rate");
	check_refused("[limits]\nrate_login = 5/0\n", "is not a valid rate");
	check_refused("[limits]\nrate_login = x/1m\n", "is not a valid rate");
	check_refused("[limits]\nrate_login = 5/x\n", "is not a valid rate");
	check_refused("[limits]\nrate_login = -5/1m\n", "is not a valid rate");
	check_refused("[limits]\nrate_login = 5/-1m\n", "is not a valid rate");
	check_refused("[server]\nworkers = 0x8\n", "is not a valid number");
	check_refused("[server]\nread_timeout = 99999d\n", "is not a valid time (ms, s, m, h, d) between");
	check_refused("[server]\nmax_url_bytes = 1\n", "is not a valid size (bytes; k, m) between");
	check_refused("[auth]\nsignup_gift = x\n", "is not a valid credits");
	check_refused("[limits]\nrate_login = 11111111111111111111111111111111111111/1m\n", "is not a valid rate");
	check_refused("[server]\nworkers 4\n", "weir.conf:2: neither");
	check_refused("[server\nworkers = 4\n", "weir.conf:1: neither");
}

static void
test_every_problem_is_told(void)
{
	struct conf *c = NULL;
	const char *said;

	CU_ASSERT_EQUAL(load("[server]\nworkers = 0\nqueue = x\n", "[auth]\nfoo = 1\n", &c, &said), E_INVALID_REQUEST);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "workers"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "queue"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "secrets.conf:2: unknown option [auth] foo"));
	unlink(conf_path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(errors_path, "w", stderr));
	CU_ASSERT_EQUAL(conf_load(conf_path, &c), E_INVALID_REQUEST); /* named, so it must be there */
}

/* What is there and cannot be read is a problem, not an empty file. */
static void
test_unreadable(void)
{
	struct conf *c = NULL;
	int saved = dup(STDERR_FILENO);

	put(conf_path, "");
	unlink(secrets_path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(errors_path, "w", stderr));
	CU_ASSERT_EQUAL(conf_load(folder, &c), E_INVALID_REQUEST);
	CU_ASSERT_EQUAL(symlink(secrets_path, secrets_path), 0);
	CU_ASSERT_EQUAL(conf_load(conf_path, &c), E_INVALID_REQUEST);
	unlink(secrets_path);
	CU_ASSERT_EQUAL(mkdir(secrets_path, 0700), 0);
	CU_ASSERT_EQUAL(conf_load(conf_path, &c), E_INVALID_REQUEST);
	rmdir(secrets_path);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	CU_ASSERT_PTR_NULL(c);
}

static void
test_sample_is_loadable(void)
{
	struct conf *c = NULL;
	const char *said;
	FILE *f = tmpfile();
	char *sample;

	conf_doc_sample(f);
	sample = strdup(slurp(f));
	fclose(f);
	CU_ASSERT_EQUAL(load(sample, NULL, &c, &said), OK);
	conf_free(c);
	for (char *p = sample; (p = strstr(p, "\n#")) != NULL; p++)
		if (p[2] != ' ')
			p[1] = ' '; /* every option, uncommented: its default is valid */
	for (char *p = sample; *p != '\0'; p++)
		if (*p == '\n' && p[1] == ' ')
			memmove(p + 1, p + 2, strlen(p + 1));
	CU_ASSERT_EQUAL(load(sample, NULL, &c, &said), OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL(c->upstream_idle_timeout, 60000);
	conf_free(c);
	free(sample);
}

static void
test_documents_name_every_option(void)
{
	static const char *const names[] = {
#define SECTION(name, help)
#define OPTION(section, name, type, def, min, max, help) #name,
#include "base/config.def"
#undef SECTION
#undef OPTION
	};
	void (*const makers[])(FILE *) = { conf_doc_sample, conf_doc_man, conf_doc_text };

	for (int m = 0; m < 3; m++) {
		FILE *f = tmpfile();
		const char *text;

		makers[m](f);
		text = slurp(f);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strstr(text, names[i]) == NULL)
				CU_FAIL(names[i]);
		fclose(f);
	}
}

static CU_TestInfo tests[] = {
	{ "defaults", test_defaults },
	{ "values of every type", test_values },
	{ "secrets.conf is read after and never shown", test_secrets },
	{ "shown as they are", test_show },
	{ "long values go on in further lines", test_long_values },
	{ "problems name file, line and bounds", test_problems },
	{ "every problem is told at once", test_every_problem_is_told },
	{ "a file that cannot be read", test_unreadable },
	{ "the sample can be loaded", test_sample_is_loadable },
	{ "documents name every option", test_documents_name_every_option },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "conf", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
