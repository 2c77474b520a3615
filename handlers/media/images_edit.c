/*
 * POST /api/images/edit -- have a picture made of others.
 *
 * in      prompt, image_urls 1-10; model, size, resolution, n, conversation_id, wait
 * out     202 {task}; with `wait`, and when it ends within 30 s: 200
 * errors  400 the field that the model does not take; 402; 403 the key is not for the
 *	   model; 404 conversation; 409 idempotency; 429; 503 no channel, no price
 * note    what it costs is held, and charged once it is done; what fails costs nothing
 * proof   tests/it/media/test_media.py
 */
#include "weir.h"

const struct field images_edit_fields[] = {
	{ "prompt", F_PROSE, F_REQUIRED, .min = 1, .max = 10000, .help = "what is to be seen" },
	{ "model", F_LINE, 0, .max = 200, .help = "by default the site's own for it" },
	{ "size", F_LINE, 0, .max = 40, .help = "one that the model takes, such as 1:1, 16:9" },
	{ "resolution", F_LINE, 0, .max = 40, .help = "one that the model takes, such as 1K, 2K" },
	{ "n", F_INT, 0, .min = 1, .max = 4, .help = "how many, of one task; each is paid" },
	{ "conversation_id", F_UUID, 0, .help = "the prompt and the result become messages there" },
	{ "wait", F_BOOL, 0, .help = "answer when it has ended, or after 30 s" },
	{ "image_urls", F_ARRAY, F_REQUIRED, .min = 1, .max = 10, .help = "http or https addresses of pictures" },
	{ .name = NULL },
};

enum status
h_images_edit(struct request *rq)
{
	return media_make(rq, MAKE_EDIT);
}
