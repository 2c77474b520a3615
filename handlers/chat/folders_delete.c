/*
 * DELETE /api/folders/{folder_id} -- remove a folder; its conversations stay, in none.
 *
 * out     204
 * errors  404 not the caller's
 * proof   tests/it/chat/test_folders.py
 */
#include "weir.h"

enum status
h_folders_delete(struct request *rq)
{
	enum status st = folder_delete(&rq->cx, path_uuid(rq, "folder_id"));

	return st == OK ? reply_empty(rq) : st;
}
