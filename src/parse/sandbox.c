#include "parse/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Character tables, fonts, gconv's modules.  What is not there is left out. */
static const char *const readable[] = { "/usr", "/lib", "/lib64", "/etc/fonts", "/var/cache/fontconfig" };

#define OPEN_FILES_MAX 64

/* The sanitizers want terabytes of addresses, which nothing is behind. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALL_ADDRESSES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALL_ADDRESSES
#endif
#endif

/* Rights and scopes that the headers of Debian 12 do not know: <linux/landlock.h> of Linux 6.12. */
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_AND_CONNECT_TCP 3ULL
#define SCOPE_UNIX_AND_SIGNAL 3ULL

/* struct landlock_ruleset_attr as of Linux 6.12; older kernels take the beginning of it. */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

/* No more than that, and no more than there was. */
static bool
limit(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return false;
	hard = hard < now.rlim_max ? hard : now.rlim_max;
	return setrlimit(resource, &(struct rlimit){ soft < hard ? soft : hard, hard }) == 0;
}

static bool
limit_resources(const struct sandbox *s)
{
	bool done = limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0) &&
	    limit(RLIMIT_NOFILE, OPEN_FILES_MAX, OPEN_FILES_MAX) && limit(RLIMIT_CPU, s->cpu_s, s->cpu_s + 1);

#ifndef ALL_ADDRESSES
	done = done && limit(RLIMIT_AS, s->memory_bytes, s->memory_bytes);
#endif
	alarm(s->wall_s);
	return done;
}

/* The rights over files that Landlock of version `abi` knows. */
static uint64_t
rights(int abi)
{
	uint64_t fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1; /* all of the first version */

	if (abi >= 2)
		fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		fs |= FS_TRUNCATE;
	if (abi >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

/* False: there is none. */
static bool
landlock(void)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { 0 };
	bool done;
	int set;

	if (abi < 1)
		return false;
	attr.handled_access_fs = rights(abi);
	attr.handled_access_net = abi >= 4 ? NET_BIND_AND_CONNECT_TCP : 0;
	attr.scoped = abi >= 6 ? SCOPE_UNIX_AND_SIGNAL : 0;
	set = (int)syscall(SYS_landlock_create_ruleset, &attr, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0);
	if (set < 0)
		return false;
	for (size_t i = 0; i < sizeof(readable) / sizeof(*readable); i++) {
		struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
			    LANDLOCK_ACCESS_FS_READ_DIR,
			.parent_fd = open(readable[i], O_PATH | O_CLOEXEC) };

		if (rule.parent_fd < 0)
			continue;
		syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
		close(rule.parent_fd);
	}
	done = syscall(SYS_landlock_restrict_self, set, 0) == 0;
	close(set);
	return done;
}

/* What computing, allocating and reading take; all else fails with EPERM.  What the C
 * library tries first and can do without need not stand here. */
static const int calls[] = { SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat),
	SCMP_SYS(lstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(fstatfs),
	SCMP_SYS(fstatfs64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(fadvise64),
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
	SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times),
	SCMP_SYS(getrusage), SCMP_SYS(getrlimit), SCMP_SYS(ugetrlimit), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname),
	SCMP_SYS(sysinfo), SCMP_SYS(getrandom), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group) };

static bool
filter(void)
{
	/* Opening is reading: also where there is no Landlock. */
	const struct scmp_arg_cmp read_only[] = {
		SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY),
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY),
	};
	const struct scmp_arg_cmp asks[] = { SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0) };
	const struct scmp_arg_cmp itself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool done = f != NULL;

	for (size_t i = 0; done && i < sizeof(calls) / sizeof(*calls); i++)
		done = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0) == 0;
	done = done && seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, &read_only[0]) == 0 &&
	    seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &read_only[1]) == 0 &&
	    seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, asks) == 0 &&
	    seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &itself) == 0 && /* abort() */
	    seccomp_load(f) == 0;
	seccomp_release(f);
	return done;
}

enum sandbox_walls
sandbox_enter(const struct sandbox *s, const char **why)
{
	bool full;

	*why = NULL;
	/* Dies with whoever waits for it; the wall clock ends it where that comes too late. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		*why = "prctl";
	else if (s->parent != 0 && getppid() != s->parent) /* before the signal was asked for */
		*why = "the parent is gone";
	else if (close_range((unsigned)s->fd_max + 1, ~0u, 0) != 0 && errno != ENOSYS)
		*why = "close_range";
	else if (!limit_resources(s))
		*why = "setrlimit";
	if (*why != NULL)
		return SANDBOX_FAILED;
	full = landlock();
	if (!filter()) {
		*why = "seccomp";
		return SANDBOX_FAILED;
	}
	return full ? SANDBOX_FULL : SANDBOX_PARTIAL;
}
