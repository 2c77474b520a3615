#include "lens/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lens/tool.h"

#define SIDE_MAX 65535 /* pixels */
#define DURATION_MAX_S 1e6
#define PIXELS_MAX (INT64_C(100) * 1000 * 1000)
#define TOLD_BYTES 65536	/* of what a program says; more is of no interest */
#define GIVEN "/proc/self/fd/0" /* for what cannot go back in a stream: the index of a film may stand at its end */

static const char *const picture_tools[] = { "vipsheader", "vipsthumbnail", NULL };
static const char *const film_tools[] = { "ffprobe", "ffmpeg", NULL };

bool
look_can(const char *type, const char **missing)
{
	const char *const *tools = strncmp(type, "video/", 6) == 0 ? film_tools : picture_tools;

	for (size_t i = 0; tools[i] != NULL; i++)
		if (!tool_is_there(tools[i])) {
			*missing = tools[i];
			return false;
		}
	return true;
}

/* The number behind a word at the begin of a line. */
static double
number_of(const char *told, const char *word)
{
	size_t len = strlen(word);

	for (const char *line = told; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0)
			return strtod(line + len, NULL);
	}
	return 0;
}

/* Sizes out of all reason are none. */
static bool
take_size(struct look *found, double width, double height, bool is_turned)
{
	if (!(width >= 1 && width <= SIDE_MAX && height >= 1 && height <= SIDE_MAX)) {
		fputs("it has no size\n", stderr);
		return false;
	}
	found->width = (int64_t)(is_turned ? height : width);
	found->height = (int64_t)(is_turned ? width : height);
	return true;
}

/* What was written, or nothing of it. */
static void
keep_whole(struct look *found, bool is_whole, int out)
{
	found->has_small = is_whole && lseek(out, 0, SEEK_END) > 0;
	if (!found->has_small && ftruncate(out, 0) != 0)
		fputs("cannot forget what was written\n", stderr);
}

/* In the colours of screens; a libvips that calls that otherwise makes it in the picture's own. */
static bool
make_small(int in, int out)
{
	static const char *const in_srgb[] = { "stdin", "--size", "512x512>", "-e", "srgb", "-o", ".webp[Q=80,strip]",
		NULL };
	static const char *const plain[] = { "stdin", "--size", "512x512>", "-o", ".webp[Q=80,strip]", NULL };

	if (tool_run("vipsthumbnail", in_srgb, in, out))
		return true;
	return ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0 && tool_run("vipsthumbnail", plain, in, out);
}

/* EXIF orientation 5 to 8 is a quarter turn: vipsthumbnail turns it upright. */
static bool
look_at_picture(int in, int out, struct look *found)
{
	static const char *const header[] = { "-a", "stdin", NULL };
	static char told[TOLD_BYTES];

	if (!tool_ask("vipsheader", header, in, told, sizeof(told)) ||
	    !take_size(
		found, number_of(told, "width: "), number_of(told, "height: "), number_of(told, "orientation: ") >= 5))
		return false;
	if (found->width * found->height <= PIXELS_MAX)
		keep_whole(found, make_small(in, out), out);
	return true;
}

/* `format` is what its first bytes say: no other is tried, as some read further files. */
static bool
probe_film(const char *format, int in, struct look *found)
{
	const char *const probe[] = { "-v", "error", "-protocol_whitelist", "file", "-f", format, "-select_streams",
		"v:0", "-show_entries", "stream=width,height:stream_side_data=rotation:format=duration", "-of",
		"default=noprint_wrappers=1", GIVEN, NULL };
	static char told[TOLD_BYTES];
	double rotation, duration;

	if (!tool_ask("ffprobe", probe, in, told, sizeof(told)))
		return false;
	rotation = number_of(told, "rotation=");
	duration = number_of(told, "duration=");
	found->duration_ms = duration > 0 && duration < DURATION_MAX_S ? (int64_t)(duration * 1000 + 0.5) : 0;
	return take_size(found, number_of(told, "width="), number_of(told, "height="),
	    rotation == 90 || rotation == -90 || rotation == 270 || rotation == -270);
}

static bool
look_at_film(const char *format, int in, int out, struct look *found)
{
	if (!probe_film(format, in, found))
		return false;
	/* half a second in, past what fades in; of what is shorter its beginning */
	const char *const poster[] = { "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-threads", "1",
		"-f", format, "-ss", found->duration_ms > 600 ? "0.5" : "0", "-i", GIVEN, "-map", "0:v:0", "-frames:v",
		"1", "-vf",
		"scale=w='min(640,iw)':h='min(640,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2",
		"-threads", "1", "-c:v", "libwebp", "-quality", "80", "-f", "image2pipe", "pipe:1", NULL };

	if (found->width * found->height <= PIXELS_MAX)
		keep_whole(found, tool_run("ffmpeg", poster, in, out), out);
	return true;
}

bool
look_at(const char *type, int in, int out, struct look *found)
{
	*found = (struct look){ 0 };
	if (strcmp(type, "video/mp4") == 0)
		return look_at_film("mp4", in, out, found);
	if (strcmp(type, "video/webm") == 0)
		return look_at_film("webm", in, out, found);
	return look_at_picture(in, out, found);
}
