#include "chat/folders.h"

#include <string.h>

#include "core/events.h"

#define FOLDER_JSON \
	"jsonb_build_object('id', f.id, 'name', f.name, 'conversations', (SELECT count(*) FROM conversations c" \
	" WHERE c.folder_id = f.id AND c.archived_at IS NULL), 'created_at', json_time(f.created_at)) AS json"

static enum status
find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " FOLDER_JSON " FROM conversation_folders f WHERE f.id = $1 AND f.user_id = $2", PS(id),
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "read folder %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "folder %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

/* The caller's other pages read the folders anew. */
static void
tell(struct context *cx, const char *id)
{
	events_tell(cx, cx->caller.user_id, "conversation", json_pack("{s:s, s:s}", "id", id, "action", "arranged"));
}

enum status
folders_list(struct context *cx, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " FOLDER_JSON " FROM conversation_folders f WHERE f.user_id = $1 ORDER BY f.position, f.id",
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "list folders: %s", pg_error(cx->pg));
	*items = json_array();
	for (int i = 0; i < rows_count(rows); i++)
		json_array_append_new(*items, row_json(rows, i, "json"));
	return OK;
}

enum status
folder_create(struct context *cx, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	uuid_v7(id);
	st = pg_query(cx->pg, &rows, "SELECT folder_create($1::uuid, $2::uuid, $3, $4::int) AS outcome", PS(id),
	    PS(cx->caller.user_id), PS(field_text(in, "name")), PI(FOLDERS_MAX));
	if (st != OK)
		return fail(cx, st, "create folder: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0) {
		fail(cx, E_CONFLICT, "folders of the user: %s", row_text(rows, 0, "outcome"));
		fail_message(
		    cx, "You have as many folders as you may. Remove one first.", "文件夹数量已达上限，请先删除一些");
		return E_CONFLICT;
	}
	tell(cx, id);
	return find(cx, id, out);
}

enum status
folder_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct pg_arg none = PNULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such folder");
	st = pg_query_again(cx->pg, &rows, "SELECT folder_change($1::uuid, $2::uuid, $3, $4::int) AS found",
	    PS(cx->caller.user_id), PS(id), PS(field_text(in, "name")),
	    field_present(in, "position") ? PI(field_int(in, "position", 0)) : none);
	if (st != OK)
		return fail(cx, st, "change folder %s: %s", id, pg_error(cx->pg));
	if (!row_bool(rows, 0, "found"))
		return fail(cx, E_NOT_FOUND, "folder %s", id);
	tell(cx, id);
	return find(cx, id, out);
}

enum status
folder_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such folder");
	/* not again: a second run would find nothing and say "not found" */
	st = pg_query(cx->pg, &rows, "DELETE FROM conversation_folders WHERE id = $1 AND user_id = $2 RETURNING id",
	    PS(id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "remove folder %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "folder %s", id);
	tell(cx, id);
	return OK;
}
