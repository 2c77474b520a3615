/*
 * POST /api/admin/channels/test-all -- do the channels answer?
 *
 * Asks the enabled channels, up to 50 of them at once, each for a single token with its
 * first active key.
 *
 * in      after_id? begin behind this channel
 * out     200 {items: [{channel_id, channel, ok, model, upstream_name, http_status, latency_ms,
 *         error, detail, text}], has_more}, by id; a channel that cannot be asked says why
 * errors  403 no admin
 * note    the providers may charge for it, nobody here does; at most 20 seconds
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

const struct field admin_channels_test_all_fields[] = {
	{ "after_id", F_INT, 0, .min = 0, .max = INT64_MAX, .help = "begin behind this channel" },
	{ .name = NULL },
};

/* One channel; those without `index` are not asked. */
struct trial {
	const struct offer_account *account;
	const char *model;
	const struct probe_spec *spec;
	struct probe_result refused;
	size_t index;
};

struct trials {
	struct trial *list;
	size_t n;
	bool has_more;
};

static enum status
tell(struct request *rq, const struct probe_result *results, size_t n_results, void *arg)
{
	const struct trials *all = arg;
	json_t *items = json_array();
	size_t failed = 0;

	(void)n_results;
	for (size_t i = 0; i < all->n; i++) {
		const struct trial *t = &all->list[i];
		const struct probe_result *r = t->spec == NULL ? &t->refused : &results[t->index];
		json_t *item = probe_json(r, t->model == NULL ? "" : t->model, t->spec == NULL ? "" : t->spec->model);

		json_object_set_new(item, "channel_id", json_integer((json_int_t)t->account->id));
		json_object_set_new(item, "channel", json_string(t->account->name));
		json_array_append_new(items, item);
		failed += r->status != OK;
	}
	audit(&rq->cx, "channel.test", "channel:all", "ok",
	    json_pack("{s:I, s:I}", "asked", (json_int_t)all->n, "failed", (json_int_t)failed));
	return reply_list(rq, items, all->has_more);
}

/* What to ask that channel of the offer; E_CONFLICT it serves nothing, E_UNAVAILABLE it has no key. */
static void
prepare(struct request *rq, const struct offer *o, struct trial *t, struct probe_spec *spec)
{
	enum status st = probe_account(&rq->cx, o, t->account, &t->model, spec);

	if (st == OK) {
		t->spec = spec;
		return;
	}
	t->refused.status = st;
	snprintf(t->refused.detail, sizeof(t->refused.detail), "%s",
	    st == E_CONFLICT ? "it serves no model" : "it has no key that can be used");
}

enum status
h_admin_channels_test_all(struct request *rq)
{
	int64_t after_id = field_int(rq->json, "after_id", 0);
	struct trials *all = ARENA_NEW(rq->cx.arena, struct trials);
	struct probe_spec *specs = ARENA_ARRAY(rq->cx.arena, struct probe_spec, PROBES_MAX);
	struct offer *o;
	size_t n = 0;
	enum status st;

	if ((st = select_current(&rq->cx, &o)) != OK)
		return st;
	all->list = ARENA_ARRAY(rq->cx.arena, struct trial, PROBES_MAX);
	for (size_t i = 0; i < o->n_accounts; i++) {
		struct trial *t = &all->list[all->n];

		if (o->accounts[i].id <= after_id)
			continue;
		all->has_more = all->n == PROBES_MAX;
		if (all->has_more)
			break;
		*t = (struct trial){ .account = &o->accounts[i], .index = n };
		prepare(rq, o, t, &specs[n]);
		n += t->spec != NULL;
		all->n++;
	}
	return probe_await_all(rq, specs, n, tell, all);
}
