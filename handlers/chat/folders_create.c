/*
 * POST /api/folders -- add a folder behind the others.
 *
 * in      name: 1-60 characters
 * out     201 the folder
 * errors  400 name; 409 there are 100
 * proof   tests/it/chat/test_folders.py
 */
#include "weir.h"

const struct field folders_create_fields[] = {
	{ "name", F_LINE, F_REQUIRED, .min = 1, .max = FOLDER_NAME_CHARS },
	{ .name = NULL },
};

enum status
h_folders_create(struct request *rq)
{
	json_t *folder;
	enum status st;

	if ((st = folder_create(&rq->cx, rq->json, &folder)) != OK)
		return st;
	return reply_json(rq, 201, folder);
}
