/* parse/sandbox: what is refused inside, by a process that has entered it. */
#include "parse/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/weir-sandbox.XXXXXX";

static int
set_up(void)
{
	char path[64];
	int fd;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/there", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 || close(fd) != 0;
}

static int
tear_down(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/there", folder);
	unlink(path);
	return rmdir(folder);
}

/* How a process ends that enters and then does this: what it returns, or 1000 and the signal. */
static int
inside(int (*act)(void), unsigned cpu_s, unsigned wall_s, size_t memory_bytes)
{
	int status;
	pid_t pid = fork();

	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		struct sandbox s = { .fd_max = 2, .cpu_s = cpu_s, .wall_s = wall_s, .memory_bytes = memory_bytes };
		const char *why;

		if (sandbox_enter(&s, &why) == SANDBOX_FAILED)
			_exit(99);
		_exit(act());
	}
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
try(int (*act)(void))
{
	return inside(act, 20, 60, (size_t)1 << 30);
}

/* 0: refused as it should be. */
static int
refused(long got)
{
	return got == -1 && (errno == EPERM || errno == EACCES) ? 0 : got == -1 ? 2 : 1;
}

static int
at(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags, 0600);
}

static int
reads_passwd(void)
{
	return refused(open("/etc/passwd", O_RDONLY));
}

static int
reads_proc(void)
{
	return refused(open("/proc/1/environ", O_RDONLY)) + refused(open("/proc/self/mem", O_RDONLY));
}

static int
lists_home(void)
{
	return refused(open("/root", O_RDONLY | O_DIRECTORY)) + refused(open("/", O_RDONLY | O_DIRECTORY));
}

static int
reads_usr(void)
{
	char bytes[16];
	int fd = open("/usr/lib/os-release", O_RDONLY);

	return fd >= 0 && read(fd, bytes, sizeof(bytes)) > 0 ? 0 : 1;
}

static int
writes(void)
{
	return refused(at("new", O_WRONLY | O_CREAT)) + refused(at("there", O_WRONLY)) + refused(at("there", O_RDWR)) +
	    refused(open(folder, O_TMPFILE | O_RDWR, 0600)) +
	    refused(open("/usr/weir-test", O_WRONLY | O_CREAT, 0600)) + refused(mkdir("/tmp/weir-sandbox-dir", 0700));
}

static int
changes(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/there", folder);
	return refused(unlink(path)) + refused(rename(path, "/tmp/weir-sandbox-moved")) + refused(chmod(path, 0777)) +
	    refused(truncate(path, 0)) + refused(symlink("/etc/passwd", "/tmp/weir-sandbox-link"));
}

static int
connects(void)
{
	int pair[2];

	return refused(socket(AF_INET, SOCK_STREAM, 0)) + refused(socket(AF_INET6, SOCK_DGRAM, 0)) +
	    refused(socket(AF_UNIX, SOCK_STREAM, 0)) + refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int
forks(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	/* the calls themselves: those of a build that counts lines write files first */
	return refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)) +
	    refused(syscall(SYS_execve, "/usr/bin/true", argv, NULL)) + refused(syscall(SYS_clone3, NULL, 0));
}

static int
kills(void)
{
	return refused(kill(getppid(), SIGTERM)) + refused(ptrace(PTRACE_ATTACH, getppid(), 0, 0)) +
	    refused(syscall(SYS_tgkill, getppid(), getppid(), SIGTERM)) +
	    refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int
loosens(void)
{
	struct rlimit more = { 1u << 30, 1u << 30 };

	return refused(setrlimit(RLIMIT_FSIZE, &more)) + refused(syscall(SYS_prctl, 4, 1, 0, 0, 0)) +
	    refused(syscall(SYS_unshare, 0x10000000)) + refused(syscall(SYS_memfd_create, "x", 0));
}

static int
computes(void)
{
	for (volatile unsigned i = 0;; i++)
		;
	return 0;
}

static int
sleeps(void)
{
	for (;;) /* nanosleep is refused; the clock is not */
		if (sched_yield() != 0)
			return 1;
}

static int
allocates(void)
{
	return mmap(NULL, (size_t)2 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
	    ? 0
	    : 1;
}

/* Somebody who has less than the sandbox gives keeps that. */
static int
with_lower_limits(int (*act)(void))
{
	struct rlimit low = { 32, 32 };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(98);
		if (setrlimit(RLIMIT_NOFILE, &low) != 0)
			_exit(97);
		_exit(
		    sandbox_enter(&(struct sandbox){ .fd_max = 2, .cpu_s = 20, .wall_s = 60, .memory_bytes = 1u << 30 },
			&(const char *){ NULL }) == SANDBOX_FAILED
			? 99
			: act());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int
has_low_limit(void)
{
	struct rlimit now;

	return getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max == 32 ? 0 : 1;
}

static int
aborts(void)
{
	abort();
}

static int secret_fd;

static int
uses_open_file(void)
{
	char c;

	return read(secret_fd, &c, 1) == -1 && errno == EBADF ? 0 : 1;
}

static bool
has_landlock(void)
{
	return syscall(444, NULL, 0, 1) > 0; /* landlock_create_ruleset: which version */
}

static void
test_files(void)
{
	CU_ASSERT_EQUAL(try(reads_usr), 0);
	CU_ASSERT_EQUAL(try(writes), 0);
	CU_ASSERT_EQUAL(try(changes), 0);
	if (!has_landlock()) {
		printf("# no Landlock here: reading of other files is not tried\n");
		return;
	}
	CU_ASSERT_EQUAL(try(reads_passwd), 0);
	CU_ASSERT_EQUAL(try(reads_proc), 0);
	CU_ASSERT_EQUAL(try(lists_home), 0);
}

static void
test_others(void)
{
	CU_ASSERT_EQUAL(try(connects), 0);
	CU_ASSERT_EQUAL(try(forks), 0);
	CU_ASSERT_EQUAL(try(kills), 0);
	CU_ASSERT_EQUAL(try(loosens), 0);
}

static void
test_descriptors(void)
{
	secret_fd = open("/usr/lib/os-release", O_RDONLY); /* without O_CLOEXEC, as a library may */
	CU_ASSERT_TRUE(secret_fd > 2);
	CU_ASSERT_EQUAL(try(uses_open_file), 0);
	close(secret_fd);
}

static void
test_limits(void)
{
	const char *sanitizers = getenv("WEIR_SANITIZERS");

	CU_ASSERT_EQUAL(inside(computes, 1, 60, (size_t)1 << 30), 1000 + SIGXCPU);
	CU_ASSERT_EQUAL(inside(sleeps, 20, 1, (size_t)1 << 30), 1000 + SIGALRM);
	if (sanitizers == NULL || strcmp(sanitizers, "no") == 0) /* those want all addresses */
		CU_ASSERT_EQUAL(try(allocates), 0);
	CU_ASSERT_EQUAL(with_lower_limits(has_low_limit), 0);
	CU_ASSERT_EQUAL(try(aborts), 1000 + SIGABRT);
}

static CU_TestInfo tests[] = {
	{ "files below /usr can be read, nothing else, and nothing written", test_files },
	{ "no sockets, processes, signals, privileges", test_others },
	{ "what was open is closed", test_descriptors },
	{ "time and memory end", test_limits },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "sandbox", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
