/*
 * Pictures by OpenAI's Images API, as something that is made: one request, and the pictures
 * are its answer.  Nobody can be asked after it, and nothing cancels it.
 *
 * Source: platform.openai.com/docs/api-reference/images (create, createEdit), read 2026-11.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/multipart.h"
#include "wire/headers.h"
#include "wire/media.h"
#include "wire/openai/openai.h"

#define URL_BYTES_MAX 2048
#define BODY_BYTES_MAX (68u << 20)
#define RATE_WAIT_MS 10000
#define FILES_MEMBER "image"

/* ---- asking ------------------------------------------------------------------------- */

static void
free_text(void *text)
{
	buf_free(text);
}

/* A member as a part of a form: a text as it stands, others as JSON. */
static void
put_member(struct buf *out, const char *boundary, const char *name, const json_t *value)
{
	struct multipart_part part = { .is_file = false };
	char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	snprintf(part.name, sizeof(part.name), "%s", name);
	part.data = text != NULL ? text : json_string_value(value);
	part.len = part.data == NULL ? 0 : strlen(part.data);
	multipart_put(out, boundary, &part);
	free(text);
}

static void
put_file(struct buf *out, const char *boundary, const char *name, const struct media_file *file)
{
	struct multipart_part part = { .is_file = true, .data = file->data, .len = file->len };

	snprintf(part.name, sizeof(part.name), "%s", name);
	snprintf(part.file_name, sizeof(part.file_name), "%s", file->name);
	snprintf(part.type, sizeof(part.type), "%s", file->type);
	multipart_put(out, boundary, &part);
}

static void
put_form(struct buf *out, const char *boundary, const struct wire_target *to, const struct media_ask *ask)
{
	const struct multipart_part model = { .name = "model", .data = to->model, .len = strlen(to->model) };
	const char *name;
	json_t *value;

	multipart_put(out, boundary, &model);
	json_object_foreach((json_t *)ask->input, name, value)
		if (strcmp(name, FILES_MEMBER) != 0)
			put_member(out, boundary, name, value);
	for (size_t i = 0; i < ask->n_files; i++)
		put_file(out, boundary, ask->n_files > 1 ? FILES_MEMBER "[]" : FILES_MEMBER, &ask->files[i]);
	multipart_put_end(out, boundary);
}

static bool
put_json(struct buf *out, const struct wire_target *to, const struct media_ask *ask)
{
	json_t *body = json_copy((json_t *)ask->input);
	char *text;

	json_object_set_new(body, "model", json_string(to->model));
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (text != NULL)
		buf_puts(out, text);
	free(text);
	return text != NULL;
}

static enum status
submit(const struct media_wire *self, struct arena *a, const struct wire_target *to, const struct media_ask *ask,
    struct wire_request *out)
{
	bool is_edit = ask->n_files > 0;
	const char *boundary = is_edit ? openai_op_boundary(a) : NULL, *type = "application/json";
	struct buf *text = ARENA_NEW(a, struct buf);

	(void)self;
	if (to->model == NULL || (!is_edit && json_object_get(ask->input, FILES_MEMBER) != NULL))
		return E_INVALID_REQUEST;
	*text = BUF_INIT(BODY_BYTES_MAX);
	arena_cleanup(a, free_text, text);
	*out = (struct wire_request){ .method = "POST",
		.url = openai_op_url(a, to->base_url, is_edit ? OP_IMAGE_EDIT : OP_IMAGE) };
	if (is_edit) {
		type = arena_printf(a, "multipart/form-data; boundary=%s", boundary);
		put_form(text, boundary, to, ask);
	} else if (!put_json(text, to, ask)) {
		return E_INVALID_REQUEST;
	}
	out->headers = headers_make_as(a, to, type, "application/json",
	    to->quirks != NULL && to->quirks->key_header != NULL ? to->quirks->key_header : "Authorization: Bearer ",
	    NULL);
	out->body = buf_str(text);
	out->body_len = text->len;
	return out->url == NULL || out->headers == NULL || text->overflow ? E_INVALID_REQUEST : OK;
}

/* ---- understanding -------------------------------------------------------------------- */

static bool
take_picture(struct arena *a, struct scan *s, struct media_told *out)
{
	struct scan_text name, text;
	bool found = false;

	if (!scan_object(s)) {
		scan_skip(s);
		return false;
	}
	while (scan_member(s, &name)) {
		bool is_bytes = scan_is(&name, "b64_json"), is_url = scan_is(&name, "url");

		if ((!is_bytes && !is_url) || !scan_string(s, &text)) {
			scan_skip(s);
		} else if (!found && is_bytes && text.len > 0 && out->n_made < MEDIA_URLS_MAX) {
			out->made[out->n_made++] = text;
			found = true;
		} else if (!found && is_url && text.len > 0 && text.len <= URL_BYTES_MAX &&
		    out->n_urls < MEDIA_URLS_MAX) {
			char *url = arena_alloc(a, text.len + 1);

			url[scan_decode(&text, url)] = '\0';
			out->urls[out->n_urls++] = url;
			found = true;
		}
	}
	return found;
}

static void
told(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_told *out)
{
	struct scan_text name;
	struct scan s;

	(void)self;
	*out = (struct media_told){ .state = MEDIA_UNTOLD, .progress = -1, .cost = -1, .status = E_UPSTREAM_FAILED };
	if (http_status / 100 != 2)
		return;
	scan_init(&s, body, len);
	if (!scan_object(&s))
		return;
	while (scan_member(&s, &name))
		if (scan_is(&name, "data") && scan_array(&s))
			while (scan_element(&s))
				take_picture(a, &s, out);
		else
			scan_skip(&s);
	if (scan_end(&s) && out->n_made + out->n_urls > 0)
		out->state = MEDIA_DONE;
}

/* What refuses before anything is made.  Whatever else goes wrong is unclear: it may have been. */
static bool
is_refusal(int http_status)
{
	return http_status / 100 == 4 && http_status != 408 && http_status != 409 && http_status != 499;
}

static void
submitted(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_submitted *out)
{
	struct wire_failure f = { .status = OK };
	struct media_told *made = ARENA_NEW(a, struct media_told);

	*out = (struct media_submitted){ .what = MEDIA_UNKNOWN, .status = E_UPSTREAM_FAILED };
	told(self, a, http_status, body, len, made);
	if (made->state == MEDIA_DONE) {
		out->what = MEDIA_MADE;
		return;
	}
	if (http_status / 100 == 2 || http_status == 0) {
		snprintf(out->detail, sizeof(out->detail), "HTTP %d, and no picture", http_status);
		return;
	}
	openai_failure(http_status, NULL, body, len, &f);
	snprintf(out->detail, sizeof(out->detail), "%s", f.detail);
	if (!is_refusal(http_status))
		return;
	out->what = http_status == 429 && f.retryable ? MEDIA_LATER : MEDIA_REFUSED;
	out->status = f.status;
	out->next_channel = f.next_channel;
	out->wait_ms = RATE_WAIT_MS;
}

const struct media_wire media_openai = {
	.provider = "openai", .files_member = FILES_MEMBER, .submit = submit, .submitted = submitted, .told = told
};
