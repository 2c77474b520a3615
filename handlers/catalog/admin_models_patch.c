/*
 * PATCH /api/admin/models/{model_id} -- change a model.
 *
 * in      model_change_fields in catalog/models.c; what is absent stays as it is
 * out     200 the model
 * errors  400; 403 no admin; 409 the name is taken; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_models_patch(struct request *rq)
{
	json_t *model;
	enum status st;

	if ((st = model_update(&rq->cx, path_int(rq, "model_id"), rq->json, &model)) != OK)
		return st;
	admin_audit(rq, "model.update", "model", model);
	return reply_json(rq, 200, model);
}
