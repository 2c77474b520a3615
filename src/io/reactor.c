#include "io/reactor.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

struct posted {
	struct posted *next;
	reactor_fn *fn;
	void *arg;
};

struct signal_handler {
	struct signal_handler *next;
	struct event *event;
	reactor_fn *fn;
	void *arg;
};

struct reactor {
	struct event_base *base;
	struct event *wake, *soon; /* posted to by other threads, by the loop's own */
	int wake_fd;
	pthread_mutex_t lock; /* guards posted, tail */
	struct posted *posted, **tail;
	struct signal_handler *signals;
	_Atomic pthread_t thread; /* that runs the loop */
	atomic_bool running;
};

struct reactor_timer {
	struct event event;
	reactor_fn *fn;
	void *arg;
};

struct reactor_watch {
	struct reactor *reactor;
	struct event event; /* an inactive one while nothing is watched */
	int fd;
	unsigned events;
	reactor_io_fn *fn;
	void *arg;
};

static void *
must(void *p)
{
	if (p == NULL) {
		fputs("weir: out of memory\n", stderr);
		abort();
	}
	return p;
}

void
reactor_run_posted(struct reactor *r)
{
	struct posted *p, *next;

	pthread_mutex_lock(&r->lock);
	p = r->posted;
	r->posted = NULL;
	r->tail = &r->posted;
	pthread_mutex_unlock(&r->lock);
	for (; p != NULL; p = next) {
		next = p->next;
		p->fn(p->arg);
		free(p);
	}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)what;
	if (read((int)fd, &n, sizeof(n)) > 0)
		reactor_run_posted(arg);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reactor_run_posted(arg);
}

struct reactor *
reactor_new(void)
{
	struct reactor *r = xcalloc(1, sizeof(*r));
	struct event_config *config = must(event_config_new());

	/* One thread runs the loop and only reactor_post() crosses: no locks inside. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
	r->base = must(event_base_new_with_config(config));
	event_config_free(config);
	pthread_mutex_init(&r->lock, NULL);
	r->tail = &r->posted;
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake_fd < 0)
		abort();
	r->wake = must(event_new(r->base, r->wake_fd, EV_READ | EV_PERSIST, on_wake, r));
	event_add(r->wake, NULL);
	r->soon = must(event_new(r->base, -1, 0, on_soon, r));
	return r;
}

void
reactor_free(struct reactor *r)
{
	struct posted *p, *next;
	struct signal_handler *s, *next_signal;

	if (r == NULL)
		return;
	for (p = r->posted; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	for (s = r->signals; s != NULL; s = next_signal) {
		next_signal = s->next;
		event_free(s->event);
		free(s);
	}
	event_free(r->wake);
	event_free(r->soon);
	close(r->wake_fd);
	event_base_free(r->base);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
reactor_run(struct reactor *r)
{
	atomic_store(&r->thread, pthread_self());
	atomic_store(&r->running, true);
	event_base_dispatch(r->base);
	atomic_store(&r->running, false);
}

void
reactor_stop(struct reactor *r)
{
	event_base_loopbreak(r->base);
}

void
reactor_post(struct reactor *r, reactor_fn *fn, void *arg)
{
	struct posted *p = xmalloc(sizeof(*p));
	uint64_t one = 1;
	bool first;

	*p = (struct posted){ .fn = fn, .arg = arg };
	pthread_mutex_lock(&r->lock);
	first = r->posted == NULL;
	*r->tail = p;
	r->tail = &p->next;
	pthread_mutex_unlock(&r->lock);
	if (first && atomic_load(&r->running) && pthread_equal(atomic_load(&r->thread), pthread_self()))
		event_active(r->soon, EV_TIMEOUT, 0);
	/* A full counter means that the loop is awake anyway. */
	else if (first && write(r->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signal_handler *s = arg;

	(void)fd;
	(void)what;
	s->fn(s->arg);
}

void
reactor_on_signal(struct reactor *r, int signo, reactor_fn *fn, void *arg)
{
	struct signal_handler *s = xcalloc(1, sizeof(*s));

	*s = (struct signal_handler){ .next = r->signals, .fn = fn, .arg = arg };
	s->event = must(evsignal_new(r->base, signo, on_signal, s));
	event_add(s->event, NULL);
	r->signals = s;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct reactor_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct reactor_timer *
reactor_timer_new(struct reactor *r, reactor_fn *fn, void *arg)
{
	struct reactor_timer *t = xmalloc(sizeof(*t));

	*t = (struct reactor_timer){ .fn = fn, .arg = arg };
	evtimer_assign(&t->event, r->base, on_timer, t);
	return t;
}

void
reactor_timer_start(struct reactor_timer *t, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	evtimer_add(&t->event, &tv);
}

void
reactor_timer_soon(struct reactor_timer *t)
{
	event_active(&t->event, EV_TIMEOUT, 0);
}

void
reactor_timer_stop(struct reactor_timer *t)
{
	evtimer_del(&t->event);
}

bool
reactor_timer_running(const struct reactor_timer *t)
{
	return evtimer_pending(&t->event, NULL) != 0;
}

void
reactor_timer_free(struct reactor_timer *t)
{
	if (t == NULL)
		return;
	evtimer_del(&t->event);
	free(t);
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct reactor_watch *w = arg;
	unsigned events = ((what & EV_READ) ? WATCH_READ : 0) | ((what & EV_WRITE) ? WATCH_WRITE : 0) |
	    ((what & EV_CLOSED) ? WATCH_CLOSED : 0);

	w->fn(w->arg, (int)fd, events);
}

static void
arm(struct reactor_watch *w)
{
	short what = (short)(EV_PERSIST | ((w->events & WATCH_READ) ? EV_READ : 0) |
	    ((w->events & WATCH_WRITE) ? EV_WRITE : 0) | ((w->events & WATCH_CLOSED) ? EV_CLOSED : 0));

	event_assign(&w->event, w->reactor->base, w->fd, what, on_io, w);
	if (w->events != 0)
		event_add(&w->event, NULL);
}

struct reactor_watch *
reactor_watch_new(struct reactor *r, int fd, unsigned events, reactor_io_fn *fn, void *arg)
{
	struct reactor_watch *w = xmalloc(sizeof(*w));

	*w = (struct reactor_watch){ .reactor = r, .fd = fd, .events = events, .fn = fn, .arg = arg };
	arm(w);
	return w;
}

void
reactor_watch_set(struct reactor_watch *w, unsigned events)
{
	if (events == w->events)
		return;
	event_del(&w->event);
	w->events = events;
	arm(w);
}

void
reactor_watch_free(struct reactor_watch *w)
{
	if (w == NULL)
		return;
	event_del(&w->event);
	free(w);
}

struct event_base *
reactor_base(struct reactor *r)
{
	return r->base;
}

uint64_t
reactor_busy_us(struct reactor *r)
{
	struct timespec ts;
	clockid_t clock;

	if (!atomic_load(&r->running) || pthread_getcpuclockid(atomic_load(&r->thread), &clock) != 0 ||
	    clock_gettime(clock, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
