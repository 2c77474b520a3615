#include "knowledge/news.h"

#include <string.h>

#include "base/log.h"
#include "core/events.h"
#include "knowledge/parse.h"
#include "ledger/credits.h"

static const struct {
	const char *code, *text[2]; /* by enum lang */
} codes[] = {
#define CODE(code, en, zh) { (code), { [LANG_EN] = (en), [LANG_ZH] = (zh) } },
#include "knowledge/codes.def"
#undef CODE
};

const char *
knowledge_explain(const char *code, enum lang lang)
{
	if (code == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].text[lang];
	return parse_explain(code, lang);
}

void
knowledge_tell(struct context *cx, const char *user_id, const char *document_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT jsonb_build_object('knowledge_id', d.kb_id, 'document_id', d.id, 'version', j->'version', 'state', j->'state',"
	    " 'code', j->'code', 'chunks', j->'chunks', 'vectors', j->'vectors', 'skipped', j->'skipped', 'progress', j->'progress') AS json"
	    " FROM kb_document d, LATERAL (SELECT kb_version_json(v) AS j FROM kb_version v WHERE v.document_id = d.id"
	    "  AND v.version = coalesce(d.next_version, d.version)) AS j WHERE d.id = $1::uuid",
	    PS(document_id));

	if (st != OK) {
		LOG(WARN, "knowledge_untold", LS("document_id", document_id), LS("why", pg_error(cx->pg)));
		return;
	}
	events_tell(cx, user_id, "knowledge",
	    rows_count(rows) > 0 ? row_json(rows, 0, "json")
				 : json_pack("{s:s, s:s}", "document_id", document_id, "state", "deleted"));
}

void
knowledge_tell_balance(struct context *cx, const char *user_id)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(cx->pg, &rows,
		"SELECT u.credits AS balance, credits_held(u.id) AS held FROM users u WHERE u.id = $1",
		PS(user_id)) == OK &&
	    rows_count(rows) > 0)
		events_tell(
		    cx, user_id, "balance", credits_event(row_ucr(rows, 0, "balance"), row_ucr(rows, 0, "held")));
}
