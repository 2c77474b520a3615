/*
 * conn -- one client connection: reads requests, drives their answers, and
 * is closed in one place. Lives on the thread of its loop.
 */
#ifndef WEIR_DEMO_CONN_H
#define WEIR_DEMO_CONN_H

#include "demo/server.h"

/* Take over an accepted, non-blocking socket. */
void conn_open(struct loop *loop, int fd);

/* Close all connections of a loop; their answers are logged as "shutdown". */
void conn_close_all(struct loop *loop);

#endif
