/*
 * Publishing to a broker that speaks AMQP 0-9-1, as RabbitMQ does, through librabbitmq: one
 * connection, one channel in confirm mode.  A message counts as published when the broker says
 * that it has it, which for a durable queue means on disk.
 *
 * One thread at a time; what it calls blocks, each call for AMQP_TIMEOUT_MS at most.
 *
 * Source: AMQP 0-9-1 specification, rabbitmq.com/docs/confirms, …/heartbeats, …/uri-spec, read 2026-11.
 */
#ifndef WEIR_IO_AMQP_H
#define WEIR_IO_AMQP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define AMQP_TIMEOUT_MS 10000
#define AMQP_BATCH_MAX 500 /* messages of one amqp_publish() */

struct amqp;

struct amqp_message {
	const char *id;	   /* told as message-id, by which who reads it knows it again */
	const char *topic; /* told as type */
	const char *routing_key;
	const char *body; /* JSON */
	int64_t at_s;	  /* Unix time */
};

/* Connect to `url` (amqp://, amqps://) and see to it that there is a durable topic exchange of
 * that name ("": the default one).  NULL, with a reason without secrets in `why`. */
struct amqp *amqp_open(const char *url, const char *exchange, int64_t heartbeat_ms, char *why, size_t why_size);
void amqp_close(struct amqp *a);
/* Publish `n` messages, at most AMQP_BATCH_MAX, and wait until the broker has them all.
 * E_UNAVAILABLE it has not, or who knows: the connection is of no use any more. */
enum status amqp_publish(
    struct amqp *a, const struct amqp_message *messages, size_t n, char *why, size_t why_size) MUST_CHECK;
/* Tell and hear what keeps an idle connection.  False: it is lost. */
bool amqp_alive(struct amqp *a) MUST_CHECK;

#endif
