/*
 * PATCH /api/folders/{folder_id} -- rename a folder or move it among the others.
 *
 * in      name?: 1-60 characters; position?: its place, the first being 0
 * out     200 the folder
 * errors  400 name, position; 404 not the caller's
 * proof   tests/it/chat/test_folders.py
 */
#include "weir.h"

const struct field folders_patch_fields[] = {
	{ "name", F_LINE, 0, .min = 1, .max = FOLDER_NAME_CHARS },
	{ "position", F_INT, 0, .min = 0, .max = FOLDERS_MAX, .help = "the first is 0; beyond the last is the last" },
	{ .name = NULL },
};

enum status
h_folders_patch(struct request *rq)
{
	json_t *folder;
	enum status st;

	if ((st = folder_update(&rq->cx, path_uuid(rq, "folder_id"), rq->json, &folder)) != OK)
		return st;
	return reply_json(rq, 200, folder);
}
