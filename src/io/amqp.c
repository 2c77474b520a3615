#include "io/amqp.h"

#if __has_include(<rabbitmq-c/amqp.h>) /* from 0.12 on, Debian 13 */
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define CHANNEL 1
#define FRAME_MAX_BYTES 131072
#define PERSISTENT 2 /* delivery mode */
#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"
#define MS_PER_S 1000
#define US_PER_MS 1000

struct amqp {
	amqp_connection_state_t conn;
	char *exchange;
	uint64_t published; /* delivery tags, from 1 */
};

static struct timeval
time_of(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){ .tv_sec = ms / MS_PER_S, .tv_usec = ms % MS_PER_S * US_PER_MS };
}

/* ---- what went wrong --------------------------------------------------------------- */

static bool
refused(const char *doing, const char *reason, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", doing, reason);
	return false;
}

/* What the broker says when it closes a channel or a connection; text, not terminated. */
static bool
closed(const char *doing, int code, amqp_bytes_t text, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %d %.*s", doing, code, (int)text.len, (const char *)text.bytes);
	return false;
}

/* Did the last call of the broker go well? */
static bool
went_well(amqp_rpc_reply_t reply, const char *doing, char *why, size_t why_size)
{
	switch (reply.reply_type) {
	case AMQP_RESPONSE_NORMAL: return true;
	case AMQP_RESPONSE_LIBRARY_EXCEPTION:
		return refused(doing, amqp_error_string2(reply.library_error), why, why_size);
	case AMQP_RESPONSE_SERVER_EXCEPTION:
		if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
			const amqp_channel_close_t *m = reply.reply.decoded;

			return closed(doing, m->reply_code, m->reply_text, why, why_size);
		}
		if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
			const amqp_connection_close_t *m = reply.reply.decoded;

			return closed(doing, m->reply_code, m->reply_text, why, why_size);
		}
		return refused(doing, "the broker refused", why, why_size);
	default: return refused(doing, "no answer", why, why_size);
	}
}

/* ---- connecting ------------------------------------------------------------------------ */

static bool
connect_to(struct amqp *a, const struct amqp_connection_info *to, char *why, size_t why_size)
{
	struct timeval patience = time_of(AMQP_TIMEOUT_MS);
	amqp_socket_t *socket = to->ssl ? amqp_ssl_socket_new(a->conn) : amqp_tcp_socket_new(a->conn);
	int rc;

	if (socket == NULL)
		return refused("connect", "no memory", why, why_size);
	if (to->ssl && (rc = amqp_ssl_socket_set_cacert(socket, CERTIFICATES)) != AMQP_STATUS_OK)
		return refused(CERTIFICATES, amqp_error_string2(rc), why, why_size);
	amqp_set_handshake_timeout(a->conn, &patience);
	amqp_set_rpc_timeout(a->conn, &patience);
	if ((rc = amqp_socket_open_noblock(socket, to->host, to->port, &patience)) != AMQP_STATUS_OK)
		return refused("connect", amqp_error_string2(rc), why, why_size);
	return true;
}

static bool
greet(struct amqp *a, const struct amqp_connection_info *to, int64_t heartbeat_ms, char *why, size_t why_size)
{
	int heartbeat_s = (int)(heartbeat_ms / MS_PER_S);

	if (!went_well(amqp_login(a->conn, to->vhost, 0, FRAME_MAX_BYTES, heartbeat_s, AMQP_SASL_METHOD_PLAIN, to->user,
			   to->password),
		"sign in", why, why_size))
		return false;
	amqp_channel_open(a->conn, CHANNEL);
	if (!went_well(amqp_get_rpc_reply(a->conn), "open a channel", why, why_size))
		return false;
	amqp_confirm_select(a->conn, CHANNEL);
	if (!went_well(amqp_get_rpc_reply(a->conn), "ask for confirms", why, why_size))
		return false;
	if (*a->exchange == '\0')
		return true;
	amqp_exchange_declare(a->conn, CHANNEL, amqp_cstring_bytes(a->exchange), amqp_cstring_bytes("topic"), 0, 1, 0,
	    0, amqp_empty_table);
	return went_well(amqp_get_rpc_reply(a->conn), "declare the exchange", why, why_size);
}

struct amqp *
amqp_open(const char *url, const char *exchange, int64_t heartbeat_ms, char *why, size_t why_size)
{
	struct amqp *a = xmalloc(sizeof(*a));
	char *copy = xstrdup(url);
	struct amqp_connection_info to;
	bool ok;

	*a = (struct amqp){ .conn = amqp_new_connection(), .exchange = xstrdup(exchange) };
	amqp_default_connection_info(&to);
	ok = amqp_parse_url(copy, &to) == AMQP_STATUS_OK || refused("[bridge] url", "is no amqp:// URL", why, why_size);
	ok = ok && connect_to(a, &to, why, why_size) && greet(a, &to, heartbeat_ms, why, why_size);
	free(copy);
	if (ok)
		return a;
	amqp_close(a);
	return NULL;
}

void
amqp_close(struct amqp *a)
{
	if (a == NULL)
		return;
	amqp_connection_close(a->conn, AMQP_REPLY_SUCCESS);
	amqp_destroy_connection(a->conn);
	free(a->exchange);
	free(a);
}

/* ---- publishing ------------------------------------------------------------------------ */

static int
send_one(struct amqp *a, const struct amqp_message *m)
{
	amqp_basic_properties_t props = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
		    AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG,
		.content_type = amqp_cstring_bytes("application/json"),
		.delivery_mode = PERSISTENT,
		.message_id = amqp_cstring_bytes(m->id),
		.timestamp = (uint64_t)m->at_s,
		.type = amqp_cstring_bytes(m->topic),
		.app_id = amqp_cstring_bytes("weir"),
	};

	return amqp_basic_publish(a->conn, CHANNEL, amqp_cstring_bytes(a->exchange), amqp_cstring_bytes(m->routing_key),
	    0, 0, &props, amqp_cstring_bytes(m->body));
}

/* Which of the messages from tag `first` on the broker has. */
struct confirms {
	uint64_t first;
	size_t n, left;
	bool has[AMQP_BATCH_MAX];
};

static void
note_ack(struct confirms *c, const amqp_basic_ack_t *ack)
{
	uint64_t tag = ack->multiple || ack->delivery_tag < c->first ? c->first : ack->delivery_tag;

	for (; tag <= ack->delivery_tag && tag - c->first < c->n; tag++) {
		c->left -= !c->has[tag - c->first];
		c->has[tag - c->first] = true;
	}
}

static bool
take_method(struct amqp *a, struct confirms *c, const amqp_method_t *method, char *why, size_t why_size)
{
	(void)a;
	switch (method->id) {
	case AMQP_BASIC_ACK_METHOD: note_ack(c, method->decoded); return true;
	case AMQP_BASIC_NACK_METHOD: return refused("publish", "the broker could not keep a message", why, why_size);
	case AMQP_CHANNEL_CLOSE_METHOD: {
		const amqp_channel_close_t *m = method->decoded;

		return closed("publish", m->reply_code, m->reply_text, why, why_size);
	}
	case AMQP_CONNECTION_CLOSE_METHOD: {
		const amqp_connection_close_t *m = method->decoded;

		return closed("publish", m->reply_code, m->reply_text, why, why_size);
	}
	default: return true;
	}
}

static bool
await_confirms(struct amqp *a, struct confirms *c, char *why, size_t why_size)
{
	int64_t until_ms = clock_mono_ms() + AMQP_TIMEOUT_MS;

	while (c->left > 0) {
		struct timeval patience = time_of(until_ms - clock_mono_ms());
		amqp_frame_t frame;
		int rc = amqp_simple_wait_frame_noblock(a->conn, &frame, &patience);

		if (rc != AMQP_STATUS_OK)
			return refused("wait for confirms", amqp_error_string2(rc), why, why_size);
		if (frame.frame_type == AMQP_FRAME_METHOD && !take_method(a, c, &frame.payload.method, why, why_size))
			return false;
		amqp_maybe_release_buffers(a->conn);
	}
	return true;
}

enum status
amqp_publish(struct amqp *a, const struct amqp_message *messages, size_t n, char *why, size_t why_size)
{
	struct confirms c = { .first = a->published + 1, .n = n, .left = n };
	int rc;

	for (size_t i = 0; i < n; i++)
		if ((rc = send_one(a, &messages[i])) != AMQP_STATUS_OK) {
			refused("publish", amqp_error_string2(rc), why, why_size);
			return E_UNAVAILABLE;
		}
	a->published += n;
	return await_confirms(a, &c, why, why_size) ? OK : E_UNAVAILABLE;
}

bool
amqp_alive(struct amqp *a)
{
	struct timeval none = { 0, 0 };
	amqp_frame_t frame;
	int rc = amqp_simple_wait_frame_noblock(a->conn, &frame, &none);

	if (rc == AMQP_STATUS_OK && frame.frame_type == AMQP_FRAME_METHOD)
		return frame.payload.method.id != AMQP_CHANNEL_CLOSE_METHOD &&
		    frame.payload.method.id != AMQP_CONNECTION_CLOSE_METHOD;
	amqp_maybe_release_buffers(a->conn);
	return rc == AMQP_STATUS_OK || rc == AMQP_STATUS_TIMEOUT;
}
