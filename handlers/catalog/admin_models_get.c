/*
 * GET /api/admin/models/{model_id} -- one model.
 *
 * out     200 the model
 * errors  403 no admin; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_models_get(struct request *rq)
{
	json_t *model;
	enum status st;

	if ((st = model_find(&rq->cx, path_int(rq, "model_id"), &model)) != OK)
		return st;
	return reply_json(rq, 200, model);
}
