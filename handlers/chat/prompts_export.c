/*
 * GET /api/export/prompts -- all of the caller's prompts as a file.
 *
 * out     200 {format: weir-prompts, version, prompts: [{name, text}]}, to be saved; POST /api/import/prompts takes it
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_prompts_export(struct request *rq)
{
	json_t *file;
	enum status st;

	if ((st = prompts_export(&rq->cx, &file)) != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"prompts.json\"");
	return reply_json(rq, 200, file);
}
