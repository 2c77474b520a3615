/*
 * DELETE /api/admin/models/{model_id} -- remove a model.
 *
 * out     204
 * errors  403 no admin; 404; 409 an agent runs on it
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_models_delete(struct request *rq)
{
	enum status st;

	if ((st = model_delete(&rq->cx, path_int(rq, "model_id"))) != OK)
		return st;
	audit(&rq->cx, "model.delete", arena_printf(rq->cx.arena, "model:%s", path_text(rq, "model_id")), "ok", NULL);
	return reply_empty(rq);
}
