#include "mcp/client.h"

#include <string.h>
#include <strings.h>

#include "core/await.h"
#include "core/process.h"
#include "io/http.h"
#include "mcp/rpc.h"

#define SESSION_ID_MAX 512 /* bytes */
#define PAGES_MAX 20	   /* of tools/list */
#define RECEIVE_BYTES (16 << 10)
#define CONNECT_MS 10000
#define GOODBYE_MS 5000

/*
 *	INITIALIZE ──► INITIALIZED ──► LIST (each page) or CALL (each call) ──► GOODBYE ──► OVER
 *
 * go_on() is the only place that changes it.  A failure goes to GOODBYE, or OVER where there is no session.
 */
enum step { STEP_INITIALIZE, STEP_INITIALIZED, STEP_LIST, STEP_CALL, STEP_GOODBYE, STEP_OVER };

struct waiting;

/* One session with one server.  Reactor. */
struct session {
	struct waiting *all;
	const struct mcp_server *server;
	enum step step;
	struct http_transfer *transfer;
	struct buf body; /* of the request at hand */
	struct rpc_reader reader;
	int id; /* of the last request */
	int http_status;
	char session_id[SESSION_ID_MAX + 1];
	char version[32];  /* that the server speaks */
	size_t call;	   /* the one at hand, of all->calls */
	int pages;	   /* read */
	char cursor[1024]; /* of the next page */
	char error[400];   /* why the session came to nothing; "": it did not */
};

/* What a request waits for. */
struct waiting {
	struct await await; /* first: await.h knows this */
	struct arena *arena;
	const struct conf *conf;
	struct session *sessions;
	size_t n_sessions, left;
	struct mcp_call *calls; /* NULL: the tools are read */
	size_t n_calls;
	json_t *tools;
	mcp_fn *then;
	mcp_tools_fn *then_tools;
	void *arg;
};

static void ask(struct session *s);

/* ---- which call --------------------------------------------------------------- */

/* The next call of the session's server, from `from` on; n_calls: there is none. */
static size_t
next_call(const struct session *s, size_t from)
{
	while (from < s->all->n_calls && s->all->calls[from].server != s->server)
		from++;
	return from;
}

/* The call at hand has come to its end. */
static void
note_call(struct session *s, enum mcp_outcome outcome, const char *text)
{
	struct mcp_call *c = &s->all->calls[s->call];

	c->outcome = outcome;
	c->text = text == NULL ? NULL : arena_strdup(s->all->arena, text);
}

/* What the tool said. */
static void
take_result(struct session *s)
{
	struct mcp_call *c = &s->all->calls[s->call];
	struct buf text = BUF_INIT(0);

	if (s->reader.result == NULL) {
		note_call(s, MCP_FAILED, s->reader.error);
		return;
	}
	if (rpc_content(s->reader.result, &text, (size_t)s->all->conf->tools_result_bytes, &c->is_cut))
		note_call(s, MCP_DONE, buf_str(&text));
	else
		note_call(s, MCP_FAILED, text.len > 0 ? buf_str(&text) : "The tool failed and did not say why.");
	buf_free(&text);
}

/* ---- steps ----------------------------------------------------------------------- */

static void
go_to(struct session *s, enum step step)
{
	struct waiting *w = s->all;

	if (step == STEP_CALL && s->call == w->n_calls)
		step = STEP_GOODBYE;
	if (step == STEP_GOODBYE && s->session_id[0] == '\0')
		step = STEP_OVER;
	s->step = step;
	if (step != STEP_OVER)
		ask(s);
	else if (--w->left == 0)
		await_over(&w->await);
}

/* Nothing more of this session: calls that are left get the reason. */
static void
give_up(struct session *s, const char *why)
{
	snprintf(s->error, sizeof(s->error), "%s", why);
	for (size_t i = s->call; i < s->all->n_calls; i = next_call(s, i + 1)) {
		s->call = i;
		note_call(s, MCP_FAILED, s->error);
	}
	s->call = s->all->n_calls;
	go_to(s, STEP_GOODBYE);
}

/* The version the server wants, if we can speak it: the parts we use are the same in all that have this transport. */
static bool
take_version(struct session *s)
{
	static const char *const known[] = { "2025-03-26", "2025-06-18", "2025-11-25" };
	const char *version = json_string_value(json_object_get(s->reader.result, "protocolVersion"));

	for (size_t i = 0; version != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(version, known[i]) == 0) {
			snprintf(s->version, sizeof(s->version), "%s", version);
			return true;
		}
	return false;
}

static void
take_page(struct session *s)
{
	const char *cursor;

	if (!rpc_tools(s->reader.result, s->all->tools, &cursor)) {
		give_up(s, "the answer is no list of tools");
		return;
	}
	s->pages++;
	if (cursor == NULL || s->pages == PAGES_MAX) {
		go_to(s, STEP_GOODBYE);
		return;
	}
	if (strlen(cursor) >= sizeof(s->cursor)) {
		give_up(s, "the cursor of its list is too long");
		return;
	}
	snprintf(s->cursor, sizeof(s->cursor), "%s", cursor);
	go_to(s, STEP_LIST);
}

/* The request at hand has its answer, or never will: `why`, or NULL. */
static void
go_on(struct session *s, const char *why)
{
	if (s->step == STEP_GOODBYE) {
		go_to(s, STEP_OVER);
	} else if (s->step == STEP_CALL) {
		if (why != NULL)
			note_call(s, MCP_FAILED, why);
		else
			take_result(s);
		s->call = next_call(s, s->call + 1);
		go_to(s, STEP_CALL);
	} else if (why != NULL) {
		give_up(s, why);
	} else if (s->step == STEP_INITIALIZED) {
		go_to(s, s->all->calls == NULL ? STEP_LIST : STEP_CALL);
	} else if (s->reader.result == NULL) {
		give_up(s, s->reader.error);
	} else if (s->step == STEP_LIST) {
		take_page(s);
	} else if (take_version(s)) {
		go_to(s, STEP_INITIALIZED);
	} else {
		give_up(s, "it speaks a version of MCP that is not ours");
	}
}

/* ---- transfers ------------------------------------------------------------------- */

static bool
wants_answer(const struct session *s)
{
	return s->step == STEP_INITIALIZE || s->step == STEP_LIST || s->step == STEP_CALL;
}

static bool
is_type(const char *header, const char *type)
{
	size_t len = strlen(type);

	return header != NULL && strncasecmp(header, type, len) == 0 &&
	    (header[len] == '\0' || header[len] == ';' || header[len] == ' ');
}

/* It begins a session, if the server wants one; an id that is none of the specification's is as if it were not there. */
static void
take_session(struct session *s)
{
	const char *id = http_header(s->transfer, "Mcp-Session-Id");
	size_t len = id == NULL ? 0 : strlen(id);

	if (s->step != STEP_INITIALIZE || len == 0 || len > SESSION_ID_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		if (id[i] < 0x21 || id[i] > 0x7e)
			return;
	memcpy(s->session_id, id, len + 1);
}

static void
on_headers(void *arg, int status)
{
	struct session *s = arg;
	bool is_events = is_type(http_header(s->transfer, "Content-Type"), "text/event-stream");

	s->http_status = status;
	rpc_reader_free(&s->reader);
	rpc_reader_init(&s->reader, s->id, (size_t)s->all->conf->tools_answer_bytes, is_events);
	take_session(s);
}

static void
end_transfer(struct session *s, const char *why)
{
	s->transfer = NULL;
	go_on(s, why);
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct session *s = arg;

	/* what is no 2xx is not looked into: it may be a page of anybody's */
	if (wants_answer(s) && s->http_status / 100 == 2)
		(void)rpc_feed(&s->reader, data, len);
}

/* An event stream may stay open behind the answer. */
static void
on_batch(void *arg)
{
	struct session *s = arg;

	if (wants_answer(s) && s->reader.state != RPC_WAITS) {
		http_cancel(s->transfer);
		end_transfer(s, s->reader.state == RPC_BAD ? s->reader.error : NULL);
	}
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	struct session *s = arg;
	char why[300];

	if (result == HTTP_OK && s->http_status / 100 == 2) {
		bool is_bad = wants_answer(s) && rpc_end(&s->reader) == RPC_BAD;

		end_transfer(s, is_bad ? s->reader.error : NULL);
		return;
	}
	if (result == HTTP_OK)
		snprintf(why, sizeof(why), "its server answered with HTTP %d", s->http_status);
	else if (result == HTTP_TIMEOUT)
		snprintf(why, sizeof(why), "there was no answer in time");
	else if (result == HTTP_FORBIDDEN)
		snprintf(why, sizeof(why), "its server is in a private network, which is not allowed");
	else
		snprintf(why, sizeof(why), "its server cannot be reached: %s", detail == NULL ? "" : detail);
	end_transfer(s, why);
}

static void
write_body(struct session *s)
{
	const struct mcp_call *c = s->step == STEP_CALL ? &s->all->calls[s->call] : NULL;

	buf_clear(&s->body);
	if (wants_answer(s))
		s->id++;
	switch (s->step) {
	case STEP_INITIALIZE: rpc_initialize(&s->body, s->id); break;
	case STEP_INITIALIZED: rpc_initialized(&s->body); break;
	case STEP_LIST: rpc_list(&s->body, s->id, s->pages == 0 ? NULL : s->cursor); break;
	case STEP_CALL: rpc_call(&s->body, s->id, c->tool, c->arguments); break;
	case STEP_GOODBYE:
	case STEP_OVER: break;
	}
}

#define HEADERS_MAX 8

/* In the arena of the request, which they outlive no more than the transfer does. */
static const char **
headers(struct session *s)
{
	struct arena *a = s->all->arena;
	const char **list = ARENA_ARRAY(a, const char *, HEADERS_MAX);
	size_t n = 0;

	list[n++] = "User-Agent: weir";
	if (s->step != STEP_GOODBYE) {
		list[n++] = "Content-Type: application/json";
		list[n++] = "Accept: application/json, text/event-stream";
	}
	if (s->step != STEP_INITIALIZE)
		list[n++] = arena_printf(
		    a, "MCP-Protocol-Version: %s", s->version[0] == '\0' ? RPC_VERSION : s->version);
	if (s->session_id[0] != '\0')
		list[n++] = arena_printf(a, "Mcp-Session-Id: %s", s->session_id);
	if (s->server->authorization != NULL)
		list[n++] = arena_printf(a, "Authorization: %s", s->server->authorization);
	return list;
}

/* Say what the step says. */
static void
ask(struct session *s)
{
	struct process *p = s->all->await.rq->cx.process;

	write_body(s);
	rpc_reader_free(&s->reader);
	rpc_reader_init(&s->reader, s->id, (size_t)s->all->conf->tools_answer_bytes, false);
	s->http_status = 0;
	s->transfer = http_start(p->http,
	    &(struct http_spec){ .method = s->step == STEP_GOODBYE ? "DELETE" : "POST",
		.url = s->server->url,
		.headers = headers(s),
		.body = s->step == STEP_GOODBYE ? NULL : s->body.data,
		.body_len = s->step == STEP_GOODBYE ? 0 : s->body.len,
		.connect_timeout_ms = CONNECT_MS,
		.total_timeout_ms = s->step == STEP_GOODBYE ? GOODBYE_MS : s->all->conf->tools_timeout,
		.max_body_bytes = s->all->conf->tools_answer_bytes,
		.receive_bytes = RECEIVE_BYTES,
		.allow_private = s->server->allow_private,
		.fresh = s->step == STEP_CALL,
		.arg = s,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_batch = on_batch,
		.on_done = on_done });
}

/* ---- for a request that waits ------------------------------------------------------ */

static void
begin(struct await *a)
{
	struct waiting *w = (struct waiting *)(void *)a;

	for (size_t i = 0; i < w->n_sessions; i++)
		ask(&w->sessions[i]);
}

/* The process ends: a call that went out may have been made. */
static void
drop(struct await *a)
{
	struct waiting *w = (struct waiting *)(void *)a;

	for (size_t i = 0; i < w->n_sessions; i++) {
		struct session *s = &w->sessions[i];

		if (s->step == STEP_OVER)
			continue;
		if (s->step == STEP_CALL)
			note_call(s, MCP_UNCLEAR, NULL);
		if (s->step != STEP_GOODBYE)
			snprintf(s->error, sizeof(s->error), "the server is stopping");
		if (s->transfer != NULL)
			http_cancel(s->transfer);
		s->transfer = NULL;
		s->step = STEP_OVER;
	}
}

static enum status
after(struct await *a)
{
	struct waiting *w = (struct waiting *)(void *)a;
	const char *error = w->n_sessions > 0 ? w->sessions[0].error : "";

	if (w->calls != NULL)
		return w->then(a->rq, w->arg);
	if (*error == '\0')
		rpc_name_tools(w->tools, w->sessions[0].server->name);
	return w->then_tools(a->rq, *error == '\0' ? w->tools : NULL, error, w->arg);
}

static void
waiting_free(void *arg)
{
	struct waiting *w = arg;

	for (size_t i = 0; i < w->n_sessions; i++) {
		rpc_reader_free(&w->sessions[i].reader);
		buf_free(&w->sessions[i].body);
	}
	json_decref(w->tools);
}

static struct waiting *
waiting_new(struct request *rq, size_t most)
{
	struct waiting *w = ARENA_NEW(rq->cx.arena, struct waiting);

	w->arena = rq->cx.arena;
	w->conf = rq->cx.conf;
	w->await = (struct await){ .begin = begin, .drop = drop, .then = after };
	w->sessions = ARENA_ARRAY(rq->cx.arena, struct session, most + 1);
	arena_cleanup(rq->cx.arena, waiting_free, w);
	return w;
}

static struct session *
add_session(struct waiting *w, const struct mcp_server *server)
{
	struct session *s = &w->sessions[w->n_sessions++];

	*s = (struct session){ .all = w, .server = server, .body = BUF_INIT(0), .call = w->n_calls };
	rpc_reader_init(&s->reader, 0, (size_t)w->conf->tools_answer_bytes, false);
	w->left++;
	return s;
}

/* Has its server a session already? */
static bool
has_session(const struct waiting *w, const struct mcp_server *server)
{
	for (size_t i = 0; i < w->n_sessions; i++)
		if (w->sessions[i].server == server)
			return true;
	return false;
}

enum status
mcp_call_all(struct request *rq, struct mcp_call *calls, size_t n, mcp_fn *then, void *arg)
{
	struct waiting *w = waiting_new(rq, n);

	w->calls = calls;
	w->n_calls = n;
	w->then = then;
	w->arg = arg;
	for (size_t i = 0; i < n; i++) {
		struct session *s;

		calls[i].outcome = MCP_NOT_MADE;
		if (calls[i].server == NULL || has_session(w, calls[i].server))
			continue;
		s = add_session(w, calls[i].server);
		s->call = next_call(s, 0);
	}
	return w->n_sessions == 0 ? then(rq, arg) : await(rq, &w->await);
}

enum status
mcp_tools(struct request *rq, const struct mcp_server *server, mcp_tools_fn *then, void *arg)
{
	struct waiting *w = waiting_new(rq, 1);

	w->tools = json_array();
	w->then_tools = then;
	w->arg = arg;
	(void)add_session(w, server);
	return await(rq, &w->await);
}
