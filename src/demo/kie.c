/* KIE's jobs. The contract is in kie.h. */
#include "demo/kie.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"

#define TASKS 4096u
#define ID_BYTES 40
#define URL_BYTES 1024
#define CREDITS_AT_FIRST 100000
#define LARGE_BYTES (40u << 20)
#define PROMPT_MAX 5000
#define LONG_PROMPT_MAX 10000

static const unsigned char pixel_png[] = { 0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 'I', 'H', 'D',
	'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, 'I', 'D', 'A', 'T', 0x78,
	0xda, 0x63, 0x64, 0xf8, 0xcf, 0x50, 0x0f, 0, 0x03, 0x86, 0x01, 0x80, 0x5a, 0x34, 0x7d, 0x6b, 0, 0, 0, 0, 'I',
	'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82 };
static const unsigned char blank_mp4[] = { 0, 0, 0, 0x18, 'f', 't', 'y', 'p', 'i', 's', 'o', 'm', 0, 0, 2, 0, 'i', 's',
	'o', 'm', 'm', 'p', '4', '2', 0, 0, 0, 8, 'm', 'd', 'a', 't' };

/* What is known of the models: docs.kie.ai/market. */
static const struct model {
	const char *name;
	int credits;
	bool is_video, wants_images;
} models[] = {
	{ "google/nano-banana", 4, false, false }, { "google/nano-banana-edit", 4, false, true },
	{ "nano-banana-2", 8, false, false }, { "nano-banana-pro", 18, false, false },
	{ "sora-2-text-to-video", 30, true, false }, { "sora-2-image-to-video", 30, true, true },
	{ "sora-2-pro-storyboard", 150, true, false }, { "kling-3.0/video", 60, true, false },
	{ "bytedance/seedance-2", 100, true, false }, { "fal-ai/flux/dev", 25, false, false }, /* fal's */
};

struct task {
	char id[ID_BYTES];
	const struct model *model;
	enum demo_result result;
	int64_t created_ms, due_ms;
};

static struct {
	pthread_mutex_t lock;
	struct task tasks[TASKS];
	size_t next;
	int64_t made, spent;
} jobs = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- answers -------------------------------------------------------------- */

static void
put_json(struct run *run, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_puts(&run->body, text != NULL ? text : "{}");
	free(text);
	json_decref(j);
}

/* The status is in the body; HTTP says 200. */
static void
put_code(struct run *run, int code, const char *message)
{
	put_json(run, json_pack("{s:i, s:s, s:n}", "code", code, "msg", message, "data"));
}

static const struct model *
model_of(const char *name)
{
	for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
		if (name != NULL && strcmp(models[i].name, name) == 0)
			return &models[i];
	return NULL;
}

/* ---- callbacks -------------------------------------------------------------- */

struct notice {
	char host[256], port[8], path[URL_BYTES];
	char id[ID_BYTES], key[128];
	enum demo_result result;
	int64_t due_ms;
	bool is_fal;
};

/* http://host[:port]/path, as a test server has it. */
static bool
read_url(const char *url, struct notice *c)
{
	const char *at = url + 7, *slash, *colon;
	size_t len;

	if (strncmp(url, "http://", 7) != 0)
		return false;
	slash = at + strcspn(at, "/");
	colon = memchr(at, ':', (size_t)(slash - at));
	len = (size_t)((colon != NULL ? colon : slash) - at);
	if (len >= sizeof c->host || strlen(slash) >= sizeof c->path)
		return false;
	memcpy(c->host, at, len);
	c->host[len] = '\0';
	snprintf(c->port, sizeof c->port, "%.*s", colon != NULL ? (int)(slash - colon - 1) : 2,
	    colon != NULL ? colon + 1 : "80");
	snprintf(c->path, sizeof c->path, "%s", *slash != '\0' ? slash : "/");
	return true;
}

static int
dial(const struct notice *c)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	struct timeval patience = { .tv_sec = 15 };
	int fd = -1;

	if (getaddrinfo(c->host, c->port, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	freeaddrinfo(found);
	return fd;
}

/* The body of a callback; what counts is recordInfo, and nobody should trust this one. */
static void
put_call(struct buf *out, const struct notice *c)
{
	char signed_text[ID_BYTES + 24], signature[CRYPTO_BASE64_LEN(SHA256_BYTES)];
	unsigned char mac[SHA256_BYTES];
	long long at_s = (long long)clock_wall_ms() / 1000;
	struct buf body = BUF_INIT(0);

	snprintf(signed_text, sizeof signed_text, "%s.%lld", c->id, at_s);
	crypto_hmac(c->key, strlen(c->key), signed_text, strlen(signed_text), mac);
	crypto_base64(mac, sizeof mac, signature);
	if (c->is_fal)
		buf_printf(&body, "{\"request_id\":\"%s\",\"gateway_request_id\":\"%s\",\"status\":\"%s\"}", c->id,
		    c->id, c->result == RESULT_FAIL ? "ERROR" : "OK");
	else
		buf_printf(&body, "{\"code\":%d,\"msg\":\"\",\"data\":{\"taskId\":\"%s\",\"state\":\"%s\"}}",
		    c->result == RESULT_FAIL ? 501 : 200, c->id, c->result == RESULT_FAIL ? "fail" : "success");
	buf_printf(out,
	    "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	    "X-Webhook-Timestamp: %lld\r\nX-Webhook-Signature: %s\r\nConnection: close\r\n\r\n%s",
	    c->path, c->host, c->port, body.len, at_s, signature, buf_str(&body));
	buf_free(&body);
}

static void *
call_back(void *arg)
{
	struct notice *c = arg;
	struct buf out = BUF_INIT(0);
	char answer[64];
	int fd;

	usleep((useconds_t)(c->due_ms * 1000));
	put_call(&out, c);
	for (int tries = 0; tries < 3; tries++) {
		ssize_t n = 0;

		if ((fd = dial(c)) >= 0) {
			if (send(fd, buf_str(&out), out.len, MSG_NOSIGNAL) == (ssize_t)out.len)
				n = recv(fd, answer, sizeof answer - 1, 0);
			close(fd);
		}
		if (n > 12 && memcmp(answer + 9, "200", 3) == 0)
			break;
		usleep(200000);
	}
	buf_free(&out);
	free(c);
	return NULL;
}

static void
plan_callback(const struct task *t, const struct script *s, const struct kie_ask *ask, const char *key)
{
	struct notice *c;
	pthread_t thread;

	if (ask->callback == NULL || s->silent || t->result == RESULT_STUCK || (c = calloc(1, sizeof *c)) == NULL)
		return;
	snprintf(c->id, sizeof c->id, "%s", t->id);
	snprintf(c->key, sizeof c->key, "%s", key != NULL ? key : "demo");
	c->result = t->result;
	c->due_ms = s->task_ms;
	c->is_fal = ask->is_fal;
	if (!read_url(ask->callback, c) || pthread_create(&thread, NULL, call_back, c) != 0)
		free(c);
	else
		pthread_detach(thread);
}

/* ---- making ----------------------------------------------------------------- */

/* Why KIE would not take it, or NULL. */
static const char *
flaw(const struct model *m, const json_t *input)
{
	const char *prompt = json_string_value(json_object_get(input, "prompt"));
	size_t images = json_array_size(json_object_get(input, "image_urls"));
	bool is_storyboard = strcmp(m->name, "sora-2-pro-storyboard") == 0;

	if (is_storyboard ? json_array_size(json_object_get(input, "shots")) == 0 : prompt == NULL || *prompt == '\0')
		return is_storyboard ? "shots is required" : "prompt is required";
	if (prompt != NULL && strlen(prompt) > (size_t)(m->is_video ? LONG_PROMPT_MAX : PROMPT_MAX) * 4)
		return "prompt is too long";
	if (m->wants_images && (images == 0 || images > 10))
		return "image_urls must have 1 to 10";
	if (strncmp(m->name, "sora-2", 6) == 0 && !json_is_string(json_object_get(input, "n_frames")))
		return "n_frames must be a string";
	if (strncmp(m->name, "sora-2-text", 11) == 0 && !json_is_string(json_object_get(input, "upload_method")))
		return "upload_method is required";
	return NULL;
}

static void
keep(struct task *t, const struct model *m, const struct script *s)
{
	t->model = m;
	t->result = s->result;
	t->created_ms = clock_wall_ms();
	t->due_ms = t->created_ms + s->task_ms;
	pthread_mutex_lock(&jobs.lock);
	snprintf(t->id, sizeof t->id, "task_%012llx%06llx", (unsigned long long)t->created_ms,
	    (unsigned long long)++jobs.made & 0xffffff);
	jobs.tasks[jobs.next++ % TASKS] = *t;
	jobs.spent += s->result == RESULT_FAIL ? 0 : m->credits;
	pthread_mutex_unlock(&jobs.lock);
}

/* The code that the script refuses the attempt by; 200: it does not. */
static int
refused_by(struct script *s, const char *prompt)
{
	uint64_t key = s->key != 0 ? s->key : script_hash(0, prompt, strlen(prompt));

	if (s->fail > 0 && !attempts_must_fail(key, s->fail))
		s->fault = FAULT_NONE;
	else if (s->fail > 0 && s->fault == FAULT_NONE)
		s->fault = FAULT_STATUS, s->status = 500;
	return s->fault == FAULT_STATUS ? (int)s->status : 200;
}

/* Its text, wherever the model has one. */
static const char *
words_of(const json_t *input)
{
	const char *prompt = json_string_value(json_object_get(input, "prompt"));

	if (prompt == NULL)
		prompt = json_string_value(
		    json_object_get(json_array_get(json_object_get(input, "shots"), 0), "Scene"));
	return prompt != NULL ? prompt : "";
}

/* NULL, or why it would not be taken: a word of the script is wrong as well. */
static const char *
read_script(struct run *run, struct loop *loop, const struct kie_ask *ask, char err[SCRIPT_ERROR_BYTES])
{
	const struct server_options *options = loop->server->options;
	const struct model *m = model_of(ask->model);
	const char *why = m == NULL ? "The model does not exist" : flaw(m, ask->input), *words = words_of(ask->input);

	run->script.task_ms = 300;
	if (why == NULL &&
	    (!script_apply(&run->script, options->words, strlen(options->words), err) ||
		!script_directives(&run->script, words, strlen(words), ask->model, strlen(ask->model), err)))
		why = err;
	return why;
}

void
kie_make(struct run *run, struct loop *loop, const struct kie_ask *ask, struct kie_made *out)
{
	struct task t = { .id = "" };
	char err[SCRIPT_ERROR_BYTES];

	snprintf(run->log.model, sizeof run->log.model, "%s", ask->model != NULL ? ask->model : "");
	*out = (struct kie_made){ .code = 422, .why = read_script(run, loop, ask, err) };
	if (out->why != NULL) {
		out->why = out->why == err ? "a word of the script is wrong" : out->why;
		return;
	}
	run->is_scripted = true;
	out->code = refused_by(&run->script, words_of(ask->input));
	out->why = "scripted";
	if (out->code != 200)
		return;
	run->log.fault = script_fault_word(run->script.fault);
	keep(&t, model_of(ask->model), &run->script);
	plan_callback(&t, &run->script, ask, loop->server->options->api_key);
	memcpy(out->id, t.id, sizeof out->id);
}

/* The task was made, and its answer is lost on the way. */
static void
lose(struct run *run)
{
	run->log.status = 502;
	run->body_type = "text/html";
	buf_clear(&run->body);
	buf_puts(&run->body, "<html><body>502 Bad Gateway</body></html>");
}

static void
make(struct run *run, struct loop *loop, const json_t *root)
{
	const struct kie_ask ask = { .model = json_string_value(json_object_get(root, "model")),
		.callback = json_string_value(json_object_get(root, "callBackUrl")),
		.input = json_object_get(root, "input") };
	struct kie_made made;

	kie_make(run, loop, &ask, &made);
	if (made.code != 200) {
		put_code(run, made.code, made.why);
		return;
	}
	put_json(run, json_pack("{s:i, s:s, s:{s:s}}", "code", 200, "msg", "success", "data", "taskId", made.id));
	if (run->script.fault == FAULT_HTML)
		lose(run);
}

/* ---- asking after it ------------------------------------------------------------ */

static bool
find(struct span id, struct task *out)
{
	bool found = false;

	pthread_mutex_lock(&jobs.lock);
	for (size_t i = 0; i < TASKS && !found; i++)
		if (jobs.tasks[i].model != NULL && span_is(id, jobs.tasks[i].id)) {
			*out = jobs.tasks[i];
			found = true;
		}
	pthread_mutex_unlock(&jobs.lock);
	return found;
}

static const char *
state_of(const struct task *t, int64_t now_ms)
{
	if (now_ms < t->created_ms + (t->due_ms - t->created_ms) / 4)
		return "waiting";
	if (now_ms < t->due_ms || t->result == RESULT_STUCK)
		return "generating";
	if (t->result == RESULT_STRANGE)
		return "marinating";
	return t->result == RESULT_FAIL ? "fail" : "success";
}

static void
put_url(const struct h1_request *rq, const struct task *t, char *url, size_t bytes)
{
	struct span host = h1_header(rq, "host");

	if (t->result == RESULT_INSIDE)
		snprintf(url, bytes, "http://169.254.169.254/latest/meta-data/");
	else
		snprintf(url, bytes, "http://%.*s/demo/kie/%s.%s", (int)host.len, host.at, t->id,
		    t->model->is_video ? "mp4" : "png");
}

const char *
kie_look(const struct h1_request *rq, struct span id, char *url, size_t url_bytes)
{
	struct task t;

	if (!find(id, &t))
		return NULL;
	put_url(rq, &t, url, url_bytes);
	return state_of(&t, clock_wall_ms());
}

static void
tell(struct run *run, const struct h1_request *rq, const struct task *t)
{
	const char *state = state_of(t, clock_wall_ms());
	bool is_done = strcmp(state, "success") == 0, is_failed = strcmp(state, "fail") == 0;
	char url[512] = "", result[700] = "";

	if (is_done) {
		put_url(rq, t, url, sizeof url);
		snprintf(result, sizeof result, "{\"resultUrls\":[\"%s\"]}", url);
	}
	put_json(run,
	    json_pack("{s:i, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}}", "code", 200, "msg", "success", "data",
		"taskId", t->id, "model", t->model->name, "state", state, "resultJson", result, "failCode",
		is_failed ? "501" : "", "failMsg", is_failed ? "the demo was told to fail" : "", "createTime",
		(json_int_t)t->created_ms, "creditsConsumed", (json_int_t)(is_done ? t->model->credits : 0)));
}

static void
give_bytes(struct run *run, const struct task *t)
{
	run->body_type = t->model->is_video ? "video/mp4" : "image/png";
	switch (t->result) {
	case RESULT_GONE:
		run->log.status = 404;
		run->body_type = "text/html";
		buf_puts(&run->body, "<html>gone</html>");
		break;
	case RESULT_HTML: buf_puts(&run->body, "<html><script>alert(1)</script></html>"); break;
	case RESULT_SVG: buf_puts(&run->body, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"); break;
	case RESULT_REDIRECT:
		run->log.status = 302;
		snprintf(run->header, sizeof run->header, "Location: http://169.254.169.254/latest/meta-data/\r\n");
		break;
	case RESULT_LARGE:
		buf_add(&run->body, pixel_png, sizeof pixel_png);
		run_write_filler(&run->body, LARGE_BYTES);
		break;
	default:
		if (t->model->is_video)
			buf_add(&run->body, blank_mp4, sizeof blank_mp4);
		else
			buf_add(&run->body, pixel_png, sizeof pixel_png);
	}
}

/* ---- the doors --------------------------------------------------------------------- */

#define FILES "/demo/kie/"

static bool
is_file(struct span path)
{
	return path.len > sizeof FILES && memcmp(path.at, FILES, sizeof FILES - 1) == 0;
}

bool
kie_is_path(struct span path)
{
	return is_file(path) || (path.len > 5 && memcmp(path.at, "/api/", 5) == 0);
}

static void
give_file(struct run *run, struct span path)
{
	struct span id = { path.at + sizeof FILES - 1, path.len - (sizeof FILES - 1) };
	const char *dot = memchr(id.at, '.', id.len);
	struct task t;

	id.len = dot != NULL ? (size_t)(dot - id.at) : id.len;
	if (find(id, &t))
		give_bytes(run, &t);
	else
		run->log.status = 404;
}

static void
put_credits(struct run *run)
{
	pthread_mutex_lock(&jobs.lock);
	put_json(run,
	    json_pack(
		"{s:i, s:s, s:I}", "code", 200, "msg", "success", "data", (json_int_t)(CREDITS_AT_FIRST - jobs.spent)));
	pthread_mutex_unlock(&jobs.lock);
}

void
kie_plan(struct run *run, struct loop *loop, const struct h1_request *rq, struct span body, bool is_authorized)
{
	json_t *root = NULL;
	struct task t;

	if (is_file(rq->path)) {
		give_file(run, rq->path);
	} else if (!is_authorized) {
		put_code(run, 401, "You do not have access permissions");
	} else if (span_is(rq->path, "/api/v1/chat/credit")) {
		put_credits(run);
	} else if (span_is(rq->path, "/api/v1/jobs/recordInfo")) {
		if (find(h1_query(rq, "taskId"), &t))
			tell(run, rq, &t);
		else
			put_code(run, 422, "recordInfo is null");
	} else if (span_is(rq->path, "/api/v1/jobs/createTask") && span_is(rq->method, "POST")) {
		if ((root = json_loadb(body.at, body.len, 0, NULL)) != NULL)
			make(run, loop, root);
		else
			put_code(run, 400, "This is not JSON");
		json_decref(root);
	} else {
		put_code(run, 404, "Not found");
	}
}
