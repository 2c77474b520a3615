#include "io/sockdiag.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STATE_LISTEN 10 /* TCP_LISTEN, also of unix sockets */

static bool
ask(int fd, uint64_t inode)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} q = {
		.head = { .nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
		.req = { .sdiag_family = AF_UNIX,
		    .udiag_states = 1u << STATE_LISTEN,
		    .udiag_ino = (uint32_t)inode,
		    .udiag_show = UDIAG_SHOW_RQLEN,
		    .udiag_cookie = { ~0u, ~0u } },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) == (ssize_t)sizeof(q);
}

static bool
read_answer(int fd, int64_t *waiting, int64_t *backlog)
{
	_Alignas(struct nlmsghdr) char answer[4096];
	const struct nlmsghdr *head = (const void *)answer;
	const struct rtattr *a;
	struct unix_diag_rqlen queue;
	ssize_t n = recv(fd, answer, sizeof(answer), 0);
	int left;

	if (n < 0 || !NLMSG_OK(head, (size_t)n) || head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(struct unix_diag_msg)));
	a = (const void *)((const char *)NLMSG_DATA(head) + NLMSG_ALIGN(sizeof(struct unix_diag_msg)));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != UNIX_DIAG_RQLEN || RTA_PAYLOAD(a) < sizeof(queue))
			continue;
		memcpy(&queue, RTA_DATA(a), sizeof(queue));
		*waiting = queue.udiag_rqueue;
		*backlog = queue.udiag_wqueue;
		return true;
	}
	return false;
}

bool
sockdiag_listen_queue(uint64_t inode, int64_t *waiting, int64_t *backlog)
{
	struct timeval patience = { .tv_sec = 1 };
	bool found;
	int fd;

	if (inode == 0)
		return false;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	found = ask(fd, inode) && read_answer(fd, waiting, backlog);
	close(fd);
	return found;
}
