/* What a picture or film is like, and a small picture of it. */
#ifndef WEIR_LENS_LOOK_H
#define WEIR_LENS_LOOK_H

#include <stdbool.h>
#include <stdint.h>

struct look {
	int64_t width, height; /* as it is shown, in pixels; 0: not known */
	int64_t duration_ms;   /* 0: it does not move, or is not known */
	bool has_small;	       /* one was written */
};

/* Look at the file at `in`, a picture, video/mp4 or video/webm, and write a small one (WebP) to `out`.  False: it
 * cannot be read, and standard error says why. */
bool look_at(const char *type, int in, int out, struct look *found);
/* Are the programs there that this takes?  `missing`: the first that is not. */
bool look_can(const char *type, const char **missing);

#endif
