/* How well documents answer a query, in Jina's words and in Cohere's. The contract is in
 * route.h. A document is better the more words of the query it has, one that has it whole is
 * best, and an earlier one is better than a later one. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "demo/meaning.h"
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

struct judged {
	size_t index;
	double score;
};

static int
compare_judged(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* The results, best first. */
static void
put_results(struct buf *out, const struct ask *ask)
{
	json_int_t top = json_integer_value(json_object_get(ask->root, "top_n"));
	bool wants_text = json_is_true(json_object_get(ask->root, "return_documents"));
	size_t n = json_array_size(ask->input);
	struct judged *judged = xcalloc(n, sizeof *judged);

	for (size_t i = 0; i < n; i++) {
		const char *text = text_of(json_array_get(ask->input, i));
		bool has = strstr(text, buf_str(&ask->prompt)) != NULL;
		double covered = has ? 1 : meaning_coverage(buf_str(&ask->prompt), text);

		judged[i] = (struct judged){ i, (0.1 + 0.8 * covered) / (1 + (double)i / 100) };
	}
	qsort(judged, n, sizeof *judged, compare_judged);
	buf_puts(out, "\"results\":[");
	for (size_t i = 0; i < n && (top <= 0 || i < (size_t)top); i++) {
		const char *text = text_of(json_array_get(ask->input, judged[i].index));

		buf_printf(out, "%s{\"index\":%zu,\"relevance_score\":%.6f", i > 0 ? "," : "", judged[i].index,
		    judged[i].score);
		if (wants_text) {
			buf_puts(out, ",\"document\":{\"text\":");
			buf_json(out, text, strlen(text));
			buf_puts(out, "}");
		}
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
	free(judged);
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
