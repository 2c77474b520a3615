#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool
listen_inherit(struct listener *out)
{
	int accepts = 0;
	socklen_t len = sizeof(accepts);
	struct stat st;

	if (fstat(STDIN_FILENO, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) != 0 || !accepts)
		return false;
	*out = (struct listener){ .fd = STDIN_FILENO, .inode = st.st_ino };
	return true;
}

static bool PRINTF_LIKE(2, 3) say(char problem[256], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(problem, 256, fmt, ap);
	va_end(ap);
	return false;
}

/* "PATH,0660,www-data" taken apart. */
static bool
parse_spec(const char *spec, struct sockaddr_un *addr, mode_t *mode, gid_t *group, char problem[256])
{
	char copy[512], *path = copy, *mode_text, *group_text, *end = NULL;
	const struct group *g;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", spec) >= sizeof(copy))
		return say(problem, "--listen is too long");
	strsep(&path, ",");
	mode_text = strsep(&path, ",");
	group_text = path;
	if (strlen(copy) == 0 || strlen(copy) >= sizeof(addr->sun_path))
		return say(problem, "--listen: a socket's path has 1 to %zu bytes", sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, copy, strlen(copy) + 1);
	*mode = 0660;
	if (mode_text != NULL && *mode_text != '\0') {
		*mode = (mode_t)strtoul(mode_text, &end, 8);
		if (*end != '\0' || *mode > 0777)
			return say(problem, "--listen: \"%s\" is no octal file mode", mode_text);
	}
	*group = (gid_t)-1;
	if (group_text != NULL && *group_text != '\0') {
		if ((g = getgrnam(group_text)) == NULL)
			return say(problem, "--listen: there is no group \"%s\"", group_text);
		*group = g->gr_gid;
	}
	return true;
}

/* Remove a socket nobody listens on; refuse anything else that is in the way. */
static bool
clear_path(const struct sockaddr_un *addr, char problem[256])
{
	struct stat st;
	int fd, rc;

	if (lstat(addr->sun_path, &st) != 0)
		return errno == ENOENT || say(problem, "%s: %s", addr->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return say(problem, "%s is there and is no socket", addr->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return say(problem, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	rc = rc == 0 ? 0 : errno;
	close(fd);
	/* EAGAIN: somebody listens, and the queue is full */
	if (rc == 0 || rc == EAGAIN)
		return say(problem, "%s: another process listens there", addr->sun_path);
	if (rc != ECONNREFUSED)
		return say(problem, "%s: %s", addr->sun_path, strerror(rc));
	return unlink(addr->sun_path) == 0 || errno == ENOENT ||
	    say(problem, "%s: %s", addr->sun_path, strerror(errno));
}

bool
listen_make(const char *spec, struct listener *out, char problem[256])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mode = 0660, old_mask;
	gid_t group = (gid_t)-1;
	int fd, rc;

	if (!parse_spec(spec, &addr, &mode, &group, problem) || !clear_path(&addr, problem))
		return false;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return say(problem, "socket: %s", strerror(errno));
	/* nobody may connect before mode and group are right */
	old_mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(old_mask);
	if (rc != 0 || (group != (gid_t)-1 && chown(addr.sun_path, (uid_t)-1, group) != 0) ||
	    chmod(addr.sun_path, mode) != 0 || listen(fd, LISTEN_BACKLOG) != 0 || fstat(fd, &st) != 0) {
		say(problem, "%s: %s", addr.sun_path, strerror(errno));
		close(fd);
		return false;
	}
	*out = (struct listener){ .fd = fd, .inode = st.st_ino };
	snprintf(out->path, sizeof(out->path), "%s", addr.sun_path);
	return stat(out->path, &out->file) == 0 || say(problem, "%s: %s", out->path, strerror(errno));
}

void
listen_unlink(struct listener *l)
{
	struct stat now;

	if (l->path[0] != '\0' && stat(l->path, &now) == 0 && now.st_ino == l->file.st_ino &&
	    now.st_dev == l->file.st_dev)
		unlink(l->path);
	l->path[0] = '\0';
}
