/* Pictures, speech and its words, as OpenAI is asked for them. The contract is in route.h. What
 * is made depends on what was asked alone: every picture is the same pixel, a character is 32
 * bytes of sound, and a recording says its text, or how long it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo/route.h"

#define PIXEL "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
#define IMAGE_TOKENS 272
#define CHARACTER_BYTES 32
#define SOUND_BPS 8000

static const char *
word(const struct ask *ask, const char *name, const char *otherwise)
{
	const char *said = json_string_value(json_object_get(ask->root, name));

	return said == NULL ? otherwise : said;
}

/* A member that is true, or the word for it in a form. */
static bool
is_set(const struct ask *ask, const char *name)
{
	return json_is_true(json_object_get(ask->root, name)) || strcmp(word(ask, name, ""), "true") == 0;
}

static void
put_usage(struct buf *out, const struct speech *sp, long long made)
{
	const struct counts *c = &sp->counts;

	buf_printf(out,
	    ",\"usage\":{\"type\":\"tokens\",\"input_tokens\":%s%lld%s,\"output_tokens\":%lld,\"total_tokens\":%lld}",
	    c->quote, (long long)c->in, c->quote, made, (long long)c->in + made);
}

/* ---- pictures ------------------------------------------------------------- */

static long long
wanted(const struct ask *ask)
{
	const json_t *n = json_object_get(ask->root, "n");

	return json_is_integer(n) ? json_integer_value(n) : strtoll(word(ask, "n", "1"), NULL, 10);
}

bool
image_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *image = json_object_get(root, "image");
	const json_t *prompt = json_object_get(root, "prompt");

	if (!ask_model(ask, root, err))
		return false;
	if (image == NULL && !json_is_string(prompt))
		return ask_refuse(err, "prompt", "missing_required_parameter", "Missing required parameter: 'prompt'.");
	if (wanted(ask) < 1 || wanted(ask) > 10)
		return ask_refuse(err, "n", "invalid_value", "Invalid 'n': expected a number from 1 to 10.");
	ask_text(ask, prompt, true);
	ask->all_images = json_is_array(image) ? (uint32_t)json_array_size(image) : image != NULL;
	ask_claim(ask, 0);
	ask->type = is_set(ask, "stream") ? "text/event-stream; charset=utf-8" : NULL;
	return true;
}

static void
put_event(struct buf *out, const struct ask *ask, const struct speech *sp, bool is_last)
{
	const char *kind = json_object_get(ask->root, "image") != NULL ? "image_edit" : "image_generation";
	const char *name = is_last ? "completed" : "partial_image";

	buf_printf(out, "event: %s.%s\ndata: {\"type\":\"%s.%s\",\"b64_json\":\"" PIXEL "\"", kind, name, kind, name);
	if (is_last && sp->has_usage)
		put_usage(out, sp, IMAGE_TOKENS);
	buf_puts(out, is_last ? "}\n\n" : ",\"partial_image_index\":0}\n\n");
}

void
image_answer(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	bool is_url = strcmp(word(ask, "response_format", ""), "url") == 0;
	long long n = wanted(ask);

	if (ask->type != NULL) {
		put_event(out, ask, sp, false);
		put_event(out, ask, sp, true);
		return;
	}
	buf_printf(out, "{\"created\":%lld,\"data\":[", (long long)sp->created_s);
	for (long long i = 0; i < n; i++)
		buf_printf(out,
		    is_url ? "%s{\"url\":\"https://example.org/pixel.png\"}" : "%s{\"b64_json\":\"" PIXEL "\"}",
		    i > 0 ? "," : "");
	buf_puts(out, "]");
	if (sp->has_usage)
		put_usage(out, sp, n * IMAGE_TOKENS);
	buf_puts(out, "}");
}

/* ---- speech ---------------------------------------------------------------- */

bool
speech_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	static const char *const types[][2] = { { "mp3", "audio/mpeg" }, { "wav", "audio/wav" },
		{ "opus", "audio/opus" }, { "aac", "audio/aac" }, { "flac", "audio/flac" }, { "pcm", "audio/pcm" } };

	if (!ask_model(ask, root, err))
		return false;
	if (!json_is_string(json_object_get(root, "input")) || !json_is_string(json_object_get(root, "voice")))
		return ask_refuse(err, "input", "missing_required_parameter", "An input and a voice are needed.");
	ask_text(ask, json_object_get(root, "input"), true);
	ask_claim(ask, 0);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(word(ask, "response_format", "mp3"), types[i][0]) == 0)
			ask->type = types[i][1];
	if (ask->type == NULL)
		return ask_refuse(err, "response_format", "invalid_value", "Invalid 'response_format'.");
	if (strcmp(word(ask, "stream_format", ""), "sse") == 0)
		ask->type = "text/event-stream; charset=utf-8";
	return true;
}

/* Every byte there is, also those that no text has. */
static void
put_sound(struct buf *out, size_t characters)
{
	for (size_t i = 0; i < characters * CHARACTER_BYTES; i++) {
		char byte = (char)(i * 7);

		buf_add(out, &byte, 1);
	}
}

void
speech_answer(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	struct buf sound = BUF_INIT(0);

	if (strncmp(ask->type, "audio/", 6) == 0) {
		put_sound(out, ask->prompt.len);
		return;
	}
	put_sound(&sound, ask->prompt.len);
	buf_puts(out, "data: {\"type\":\"speech.audio.delta\",\"audio\":\"");
	speak_base64(out, (const unsigned char *)buf_str(&sound), sound.len);
	buf_puts(out, "\"}\n\ndata: {\"type\":\"speech.audio.done\"");
	if (sp->has_usage)
		put_usage(out, sp, (long long)ask->prompt.len);
	buf_puts(out, "}\n\n");
	buf_free(&sound);
}

/* ---- its words --------------------------------------------------------------- */

bool
sound_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	static const char *const formats[][2] = { { "json", "application/json" },
		{ "verbose_json", "application/json" }, { "text", "text/plain; charset=utf-8" },
		{ "srt", "text/plain; charset=utf-8" }, { "vtt", "text/plain; charset=utf-8" } };

	if (!ask_model(ask, root, err))
		return false;
	if (!json_is_object(json_object_get(root, "file")))
		return ask_refuse(err, "file", "missing_required_parameter", "Missing required parameter: 'file'.");
	ask_text(ask, json_object_get(root, "prompt"), true);
	ask_claim(ask, 0);
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (strcmp(word(ask, "response_format", "json"), formats[i][0]) == 0)
			ask->type = formats[i][1];
	if (ask->type == NULL)
		return ask_refuse(err, "response_format", "invalid_value", "Invalid 'response_format'.");
	if (is_set(ask, "stream"))
		ask->type = "text/event-stream; charset=utf-8";
	return true;
}

static void
put_words(struct buf *out, const json_t *file)
{
	const char *said = json_string_value(json_object_get(file, "text"));

	if (said != NULL)
		buf_puts(out, said);
	else
		buf_printf(out, "%lld bytes of sound", (long long)json_integer_value(json_object_get(file, "size")));
}

static void
put_json_words(struct buf *out, const struct ask *ask, const struct speech *sp, const struct buf *words, double seconds)
{
	bool is_verbose = strcmp(word(ask, "response_format", ""), "verbose_json") == 0;

	buf_puts(out, "{\"text\":");
	buf_json(out, buf_str(words), words->len);
	if (is_verbose)
		buf_printf(out, ",\"task\":\"transcribe\",\"language\":\"english\",\"duration\":%.2f,\"segments\":[]",
		    seconds);
	if (sp->has_usage)
		buf_printf(out, ",\"usage\":{\"type\":\"duration\",\"seconds\":%.2f}", seconds);
	buf_puts(out, "}");
}

static void
put_word_events(struct buf *out, const struct speech *sp, const struct buf *words)
{
	buf_puts(out, "data: {\"type\":\"transcript.text.delta\",\"delta\":");
	buf_json(out, buf_str(words), words->len);
	buf_puts(out, "}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":");
	buf_json(out, buf_str(words), words->len);
	if (sp->has_usage)
		put_usage(out, sp, (long long)words->len / 4 + 1);
	buf_puts(out, "}\n\n");
}

void
sound_answer(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	const json_t *file = json_object_get(ask->root, "file");
	double seconds = (double)json_integer_value(json_object_get(file, "size")) / SOUND_BPS;
	const char *format = word(ask, "response_format", "json");
	struct buf words = BUF_INIT(0);

	put_words(&words, file);
	if (strncmp(ask->type, "text/event-stream", 17) == 0)
		put_word_events(out, sp, &words);
	else if (strcmp(ask->type, "application/json") == 0)
		put_json_words(out, ask, sp, &words, seconds);
	else if (strcmp(format, "text") == 0)
		buf_printf(out, "%s\n", buf_str(&words));
	else
		buf_printf(out, "%s00:00:00.000 --> 00:00:01.000\n%s\n",
		    strcmp(format, "vtt") == 0 ? "WEBVTT\n\n" : "1\n", buf_str(&words));
	buf_free(&words);
}
