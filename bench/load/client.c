#include "load/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "load/response.h"

#define SECOND_NS INT64_C(1000000000)
#define READ_BYTES 65536
#define EVENTS 512

enum conn_state { C_IDLE, C_CONNECTING, C_SENDING, C_READING };

struct conn {
	enum conn_state state;
	int fd;	      /* -1: not connected */
	bool is_used; /* a response came over it before */
	const struct target *target;
	size_t sent;
	int64_t due_ns;
	struct response response;
};

struct run {
	const struct plan *plan;
	struct outcome *out;
	struct chunk_times times;
	int epoll, timer;
	struct conn *conns;
	struct conn **idle; /* a stack */
	size_t n_idle;
	uint64_t launched; /* requests begun */
	size_t next_target;
	int64_t start_ns, end_ns, last_ns; /* last_ns: when the last request ended */
};

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* ---- counting ---------------------------------------------------------------- */

static void
count_error(struct outcome *out, const char *kind, uint64_t n)
{
	for (int i = 0; i < ERROR_KINDS; i++) {
		if (out->errors[i].n == 0)
			snprintf(out->errors[i].kind, sizeof(out->errors[i].kind), "%s", kind);
		if (i == ERROR_KINDS - 1 || strcmp(out->errors[i].kind, kind) == 0) {
			out->errors[i].n += n;
			return;
		}
	}
}

static void
count_end(struct run *run, const struct conn *c, int64_t now, const char *problem)
{
	struct outcome *out = run->out;
	bool is_measured = c->due_ns >= run->start_ns + run->plan->warmup_ns;

	run->last_ns = now;
	out->active--;
	out->ended++;
	out->deltas += c->response.deltas;
	out->body_bytes += c->response.body_bytes;
	if (problem == NULL && now >= run->start_ns + run->plan->warmup_ns && now <= run->end_ns)
		out->completed_in_window++;
	if (problem != NULL)
		count_error(out, problem, 1); /* none is hidden by the warm-up */
	if (!is_measured)
		return;
	out->requests++;
	if (problem != NULL)
		return;
	out->ok++;
	hist_add(&out->completion, now - c->due_ns);
	if (c->response.has_content)
		hist_add(&out->first_content, c->response.first_ns - c->due_ns);
}

/* ---- connections ---------------------------------------------------------------- */

static void send_rest(struct run *run, struct conn *c);

static void
disconnect(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->is_used = false;
}

static void
go_idle(struct run *run, struct conn *c)
{
	c->state = C_IDLE;
	run->idle[run->n_idle++] = c;
}

/* The request is over, well or not. */
static void
finish(struct run *run, struct conn *c, const char *problem)
{
	count_end(run, c, now_ns(), problem);
	if (problem != NULL || !c->response.keeps || !run->plan->keep)
		disconnect(c);
	else
		c->is_used = true;
	go_idle(run, c);
}

static void
watch(struct run *run, struct conn *c, uint32_t events, int op)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(run->epoll, op, c->fd, &e) != 0)
		abort();
}

static void
connect_and_send(struct run *run, struct conn *c)
{
	const struct sockaddr *address = (const struct sockaddr *)&run->plan->address;
	int one = 1;

	c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		finish(run, c, strerror(errno));
		return;
	}
	if (address->sa_family != AF_UNIX)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	run->out->connects++;
	if (connect(c->fd, address, run->plan->address_len) == 0) {
		watch(run, c, EPOLLIN, EPOLL_CTL_ADD);
		send_rest(run, c);
	} else if (errno == EINPROGRESS) {
		c->state = C_CONNECTING;
		watch(run, c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
	} else {
		finish(run, c, errno == EAGAIN ? "connect: backlog full" : strerror(errno));
	}
}

/* The connection broke. A kept one that the server closed while our request
 * was on its way is no failure: every client sends again then. */
static void
broken(struct run *run, struct conn *c, const char *problem)
{
	bool again = c->is_used && c->response.state == R_HEAD && c->response.status == 0 && c->response.line.len == 0;

	if (!again) {
		finish(run, c, problem);
		return;
	}
	run->out->resends++;
	disconnect(c);
	c->sent = 0;
	connect_and_send(run, c);
}

static void
send_rest(struct run *run, struct conn *c)
{
	bool was_watching = c->state == C_SENDING || c->state == C_CONNECTING;
	ssize_t n = send(c->fd, c->target->bytes + c->sent, c->target->len - c->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		broken(run, c, strerror(errno));
		return;
	}
	if (c->sent == 0 && n > 0)
		hist_add(&run->out->lateness, now_ns() - c->due_ns);
	c->sent += n > 0 ? (size_t)n : 0;
	if (c->sent == c->target->len) {
		c->state = C_READING;
		if (was_watching)
			watch(run, c, EPOLLIN, EPOLL_CTL_MOD);
	} else {
		c->state = C_SENDING;
		if (!was_watching)
			watch(run, c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
	}
}

/* Begin a request that was due at due_ns on an idle connection. */
static void
begin(struct run *run, struct conn *c, int64_t due_ns)
{
	run->launched++;
	c->target = &run->plan->targets.list[run->next_target];
	run->next_target = (run->next_target + 1) % run->plan->targets.n;
	c->sent = 0;
	c->due_ns = due_ns;
	response_reset(&c->response);
	if (++run->out->active > run->out->peak_active)
		run->out->peak_active = run->out->active;
	if (c->fd < 0)
		connect_and_send(run, c);
	else
		send_rest(run, c);
}

static void
read_some(struct run *run, struct conn *c)
{
	static char bytes[READ_BYTES];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
	int64_t now = now_ns();
	char problem[80];

	if (n < 0 && errno == EAGAIN)
		return;
	if (c->state == C_IDLE) { /* closed, or talking out of turn */
		disconnect(c);
		return;
	}
	if (n <= 0) {
		if (n == 0 && response_closed(&c->response))
			finish(run, c, response_problem(&c->response, problem));
		else
			broken(run, c,
			    n < 0			     ? strerror(errno)
				: c->response.body_bytes > 0 ? "response cut"
							     : "closed");
		return;
	}
	response_feed(&c->response, bytes, (size_t)n, now, &run->times);
	if (c->response.state == R_COMPLETE || c->response.state == R_MALFORMED)
		finish(run, c, response_problem(&c->response, problem));
}

static void
handle(struct run *run, struct conn *c, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (c->fd < 0)
		return;
	if (c->state == C_CONNECTING) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0)
			broken(run, c, strerror(error));
		else if (events & EPOLLOUT)
			send_rest(run, c);
		return;
	}
	if (c->state == C_SENDING && (events & EPOLLOUT))
		send_rest(run, c);
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_some(run, c);
}

/* ---- the schedule ------------------------------------------------------------------ */

/* When the next request is due; INT64_MAX: there is none. */
static int64_t
next_due_ns(const struct run *run, int64_t now)
{
	const struct plan *p = run->plan;
	int64_t due;

	if (p->max_requests > 0 && run->launched >= p->max_requests)
		return INT64_MAX;
	if (p->rate > 0)
		due = run->start_ns + (int64_t)((double)run->launched * 1e9 / p->rate);
	else if (run->launched < p->connections)
		due = run->start_ns + (int64_t)run->launched * p->ramp_ns / (int64_t)p->connections;
	else
		due = now;
	return due < run->end_ns ? due : INT64_MAX;
}

/* Begin what is due; not more than once around, so that a server that refuses
 * everything cannot keep us here. */
static void
launch(struct run *run)
{
	int64_t now = now_ns(), due;

	for (size_t n = run->plan->connections; n > 0 && run->n_idle > 0; n--) {
		if ((due = next_due_ns(run, now)) > now)
			break;
		begin(run, run->idle[--run->n_idle], due);
	}
}

static void
set_timer(struct run *run)
{
	int64_t now = now_ns(), due = run->n_idle > 0 ? next_due_ns(run, now) : INT64_MAX;
	int64_t at = due < now + SECOND_NS ? due : now + SECOND_NS; /* and look for time-outs */
	struct itimerspec t = { .it_value = { .tv_sec = at / SECOND_NS, .tv_nsec = at % SECOND_NS } };

	timerfd_settime(run->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void
end_late_ones(struct run *run, int64_t now, const char *problem)
{
	for (size_t i = 0; i < run->plan->connections; i++) {
		struct conn *c = &run->conns[i];

		if (c->state != C_IDLE && (problem != NULL || now - c->due_ns > run->plan->timeout_ns))
			finish(run, c, problem != NULL ? problem : "timeout");
	}
}

/* Past the end, and past the time that open requests were given to end. */
static bool
out_of_time(const struct run *run, int64_t now)
{
	return now > run->end_ns + run->plan->drain_ns;
}

static void
loop(struct run *run)
{
	struct epoll_event events[EVENTS];
	int64_t now, scanned = now_ns();
	uint64_t ticks;

	for (;;) {
		launch(run);
		now = now_ns();
		if (out_of_time(run, now) || (run->out->active == 0 && next_due_ns(run, now) == INT64_MAX))
			return;
		set_timer(run);
		int n = epoll_wait(run->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != NULL)
				handle(run, events[i].data.ptr, events[i].events);
			else if (read(run->timer, &ticks, sizeof(ticks)) < 0)
				continue; /* moved meanwhile */
		}
		if (now - scanned > SECOND_NS) {
			end_late_ones(run, now, NULL);
			scanned = now;
		}
	}
}

static bool
prepare(struct run *run)
{
	struct epoll_event timer = { .events = EPOLLIN };
	size_t n = run->plan->connections;

	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	run->conns = calloc(n, sizeof(*run->conns));
	run->idle = calloc(n, sizeof(struct conn *));
	if (run->epoll < 0 || run->timer < 0 || run->conns == NULL || run->idle == NULL ||
	    epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->timer, &timer) != 0)
		return false;
	for (size_t i = n; i > 0; i--) {
		run->conns[i - 1].fd = -1;
		go_idle(run, &run->conns[i - 1]);
	}
	return true;
}

static void
tear_down(struct run *run)
{
	for (size_t i = 0; run->conns != NULL && i < run->plan->connections; i++) {
		disconnect(&run->conns[i]);
		response_free(&run->conns[i].response);
	}
	free(run->conns);
	free(run->idle);
	close(run->timer);
	close(run->epoll);
}

bool
client_run(const struct plan *plan, struct outcome *out)
{
	struct run run = { .plan = plan, .out = out };
	bool good;

	memset(out, 0, sizeof(*out));
	if ((good = prepare(&run))) {
		run.start_ns = run.last_ns = now_ns();
		run.end_ns = run.start_ns + plan->duration_ns;
		run.times = (struct chunk_times){ &out->added, run.start_ns + plan->chunks_from_ns,
			run.start_ns + plan->chunks_to_ns };
		loop(&run);
		while (next_due_ns(&run, 0) < run.end_ns && plan->rate > 0) { /* due, but no connection was free */
			run.launched++;
			out->unsent++;
		}
		end_late_ones(&run, now_ns(), "unfinished");
		if (out->unsent > 0)
			count_error(out, "unsent", out->unsent);
		out->window_s = (double)((run.last_ns < run.end_ns ? run.last_ns : run.end_ns) - run.start_ns -
				    plan->warmup_ns) /
		    1e9;
	}
	tear_down(&run);
	return good;
}
