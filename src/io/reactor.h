/*
 * The reactor: one thread, one libevent loop.  It owns sockets, timers and
 * transfers; other threads reach it through reactor_post() only.
 */
#ifndef WEIR_IO_REACTOR_H
#define WEIR_IO_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct reactor;
struct reactor_timer;
struct reactor_watch;

#define WATCH_READ 1u
#define WATCH_WRITE 2u
#define WATCH_CLOSED 4u /* the peer closed, even while unread data waits */

typedef void reactor_fn(void *arg);
typedef void reactor_io_fn(void *arg, int fd, unsigned events);

/* Aborts when there is no memory.  Main thread. */
struct reactor *reactor_new(void);
void reactor_free(struct reactor *r);
/* Run until reactor_stop(). */
void reactor_run(struct reactor *r);
/* End reactor_run() after the current events.  Reactor thread. */
void reactor_stop(struct reactor *r);
/* Run fn(arg) on the reactor soon, in the order of posting.  Any thread. */
void reactor_post(struct reactor *r, reactor_fn *fn, void *arg);
/* Run what was posted and not yet run: by the loop, and after it has ended, when
 * the threads that post have ended too. */
void reactor_run_posted(struct reactor *r);
/* Call fn(arg) on the reactor thread when `signo` arrives.  Reactor thread, at start. */
void reactor_on_signal(struct reactor *r, int signo, reactor_fn *fn, void *arg);

/* A one-shot timer, not yet running.  Reactor thread for all of these. */
struct reactor_timer *reactor_timer_new(struct reactor *r, reactor_fn *fn, void *arg);
/* (Re)start: fires once after `ms`. */
void reactor_timer_start(struct reactor_timer *t, int64_t ms);
/* Fire once when the events at hand are done, before the loop waits again. */
void reactor_timer_soon(struct reactor_timer *t);
void reactor_timer_stop(struct reactor_timer *t);
bool reactor_timer_running(const struct reactor_timer *t);
void reactor_timer_free(struct reactor_timer *t);

/* Watch `fd` for `events`; level-triggered and persistent.  The fd stays the caller's. */
struct reactor_watch *reactor_watch_new(struct reactor *r, int fd, unsigned events, reactor_io_fn *fn, void *arg);
/* Change what is watched; 0 pauses. */
void reactor_watch_set(struct reactor_watch *w, unsigned events);
void reactor_watch_free(struct reactor_watch *w);

/* For src/io only: the loop, for libraries that bring their own adapter. */
struct event_base *reactor_base(struct reactor *r);
/* CPU microseconds of the loop's thread; 0 when it does not run.  Any thread. */
uint64_t reactor_busy_us(struct reactor *r);

#endif
