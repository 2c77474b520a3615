#include "lens/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_MAX 64

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_ALL (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
/* Version 1 of the interface: what is not named here is not refused by it. */
#define HANDLED \
	(READ_ALL | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	    LANDLOCK_ACCESS_FS_MAKE_SYM)

static bool
problem(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return false;
}

/* ---- files ------------------------------------------------------------------------ */

static bool
allow_fd(int rules, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* What is not there needs no rule. */
static bool
allow(int rules, const char *path, uint64_t access)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	bool ok;

	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		access &= READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
	ok = allow_fd(rules, fd, access);
	close(fd);
	return ok;
}

static bool
allow_all(int rules, int file)
{
	static const char *const readable[] = { "/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache",
		"/etc/ld.so.preload", "/etc/localtime", "/dev/urandom", "/sys/devices/system/cpu" };

	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
		if (!allow(rules, readable[i], READ_ALL))
			return problem(readable[i]);
	if (!allow(rules, "/dev/null", READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE))
		return problem("/dev/null");
	return allow_fd(rules, file, READ_FILE) || problem("the file that is given");
}

static bool
confine_files(int file)
{
	struct landlock_ruleset_attr handled = { .handled_access_fs = HANDLED };
	/* its size as of version 1, so that older kernels know it */
	int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled.handled_access_fs), 0);
	bool ok;

	if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		fputs("this kernel has no Landlock: files are not guarded\n", stderr);
		return true;
	}
	if (rules < 0)
		return problem("Landlock");
	ok = allow_all(rules, file);
	if (ok && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		ok = problem("Landlock");
	close(rules);
	return ok;
}

/* ---- calls ------------------------------------------------------------------------- */

/* What no decoder has a use for, and exploits have.  Whatever else changes the system needs privileges. */
static const char *const refused[] = { "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
	"sendto", "sendmsg", "sendmmsg", "io_uring_setup", "io_uring_enter", "io_uring_register", "ptrace",
	"process_vm_readv", "process_vm_writev", "pidfd_getfd", "pidfd_open", "kcmp", "bpf", "perf_event_open",
	"userfaultfd", "keyctl", "add_key", "request_key", "unshare", "setns", "mount", "umount2", "move_mount",
	"open_tree", "fsopen", "fsmount", "pivot_root", "chroot", "name_to_handle_at", "open_by_handle_at",
	"memfd_secret", "kexec_load", "init_module", "finit_module", "personality", "setpriority", "sched_setscheduler",
	"chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown", "link", "linkat", "symlink",
	"symlinkat", "mknod", "mknodat", "shmget", "msgget", "semget", "mq_open", "setsid", "fanotify_init",
	"inotify_init1", "syslog", "quotactl", "vmsplice" };

static bool
confine_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && error == 0; i++) {
		int number = seccomp_syscall_resolve_name(refused[i]);

		if (number != __NR_SCMP_ERROR) /* else this machine has no such call */
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	errno = -error;
	return error == 0 || problem("seccomp");
}

bool
confine(int file)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return problem("no new privileges");
	return confine_files(file) && confine_calls();
}

/* ---- bounds ------------------------------------------------------------------------- */

static bool
limit(int what, rlim_t most)
{
	return setrlimit(what, &(struct rlimit){ most, most }) == 0;
}

bool
confine_limit(const struct confine_limits *l)
{
	return limit(RLIMIT_CPU, l->cpu_s) && (l->memory_bytes == 0 || limit(RLIMIT_AS, l->memory_bytes)) &&
	    limit(RLIMIT_FSIZE, l->written_bytes) && limit(RLIMIT_NOFILE, FILES_MAX) && limit(RLIMIT_CORE, 0);
}
