/* How well documents answer a query, in Jina's words and in Cohere's. The contract is in
 * route.h. A document that has the query in it is better than one that has not, and an
 * earlier one better than a later one. */
#include <string.h>

#include "demo/route.h"

#define SEARCH_DOCUMENTS 100 /* in what Cohere bills as one search */

bool
rerank_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *documents = json_object_get(root, "documents"), *row;
	size_t i;

	if (!ask_model(ask, root, err))
		return false;
	if (!json_is_string(json_object_get(root, "query")) || json_array_size(documents) == 0)
		return ask_refuse(err, "documents", "missing_required_parameter", "A query and documents are needed.");
	json_array_foreach(documents, i, row)
		ask_text(ask, json_is_object(row) ? json_object_get(row, "text") : row, false);
	ask_text(ask, json_object_get(root, "query"), true);
	ask->input = documents;
	ask_claim(ask, 0);
	return true;
}

static const char *
text_of(const json_t *document)
{
	const char *text = json_string_value(json_is_object(document) ? json_object_get(document, "text") : document);

	return text == NULL ? "" : text;
}

/* The results, those with the query in them first. */
static void
put_results(struct buf *out, const struct ask *ask)
{
	json_int_t top = json_integer_value(json_object_get(ask->root, "top_n"));
	bool wants_text = json_is_true(json_object_get(ask->root, "return_documents"));
	size_t n = json_array_size(ask->input), told = 0;

	buf_puts(out, "\"results\":[");
	for (size_t i = 0; i < 2 * n && (top <= 0 || told < (size_t)top); i++) {
		const char *text = text_of(json_array_get(ask->input, i % n));
		bool has = strstr(text, buf_str(&ask->prompt)) != NULL;

		if (has != (i < n))
			continue;
		buf_printf(out, "%s{\"index\":%zu,\"relevance_score\":%.6f", told++ > 0 ? "," : "", i % n,
		    (has ? 0.9 : 0.1) / (1 + (double)(i % n) / 100));
		if (wants_text) {
			buf_puts(out, ",\"document\":{\"text\":");
			buf_json(out, text, strlen(text));
			buf_puts(out, "}");
		}
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

void
rerank_jina(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	buf_puts(out, "{\"model\":");
	buf_json(out, sp->model, sp->model_len);
	buf_puts(out, ",\"object\":\"list\",");
	if (sp->has_usage)
		buf_printf(out, "\"usage\":{\"total_tokens\":%s%lld%s},", sp->counts.quote, (long long)sp->counts.in,
		    sp->counts.quote);
	put_results(out, ask);
	buf_puts(out, "}");
}

void
rerank_cohere(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	size_t searches = (json_array_size(ask->input) + SEARCH_DOCUMENTS - 1) / SEARCH_DOCUMENTS;

	buf_printf(out, "{\"id\":\"%s\",", sp->serial);
	put_results(out, ask);
	buf_puts(out, ",\"meta\":{\"api_version\":{\"version\":\"2\"}");
	if (sp->has_usage)
		buf_printf(out, ",\"billed_units\":{\"search_units\":%zu}", searches);
	buf_puts(out, "}}");
}
