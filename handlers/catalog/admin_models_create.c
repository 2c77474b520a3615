/*
 * POST /api/admin/models -- add a model.
 *
 * in      model_fields in catalog/models.c
 * out     201 the model
 * errors  400; 403 no admin; 409 the name is taken
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_models_create(struct request *rq)
{
	json_t *model;
	enum status st;

	if ((st = model_create(&rq->cx, rq->json, &model)) != OK)
		return st;
	admin_audit(rq, "model.create", "model", model);
	return reply_json(rq, 201, model);
}
