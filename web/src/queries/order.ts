/* Folders, and what is done with several conversations at once. */
import { useQuery } from "@tanstack/react-query";
import { folders } from "@/api/order";
import type { Conversation } from "@/api/types";
import { type Arrange, conversations } from "@/api/weir";
import { t } from "@/i18n";
import { explain } from "@/lib/explain";
import { toast } from "@/stores/notices";
import { keys, queryClient } from "./client";
import { changeConversation, dropFromLists, refreshConversations } from "./conversations";

export function useFolders() {
	return useQuery({ queryKey: keys.folders, queryFn: async () => (await folders.list()).items });
}

export function refreshOrder() {
	void queryClient.invalidateQueries({ queryKey: keys.folders });
	return refreshConversations();
}

function change(action: Arrange, folder: string | null): Partial<Conversation> {
	switch (action) {
		case "pin":
		case "unpin":
			return { pinned: action === "pin" };
		case "archive":
		case "unarchive":
			return { archived: action === "archive" };
		case "move":
			return { folder_id: folder };
		case "keep":
			return { temporary_until: null };
		default:
			return {};
	}
}

/** One request, all or none. They leave the list they were in at once; whether it went well. */
export async function arrange(ids: string[], action: Arrange, folder: string | null = null): Promise<boolean> {
	for (const id of ids) changeConversation(id, change(action, folder));
	dropFromLists(ids);
	try {
		await conversations.arrange(ids, action, { folder_id: folder });
		return true;
	} catch (e) {
		toast("danger", explain(e).text);
		for (const id of ids) void queryClient.invalidateQueries({ queryKey: keys.conversation(id) });
		return false;
	} finally {
		await refreshOrder();
	}
}

/** The same, with a way back for a while. */
export async function arrangeWithUndo(chosen: Conversation[], action: "archive" | "unarchive" | "move", folder: { id: string; name: string } | null = null) {
	const ids = chosen.map((c) => c.id);
	const from = new Set(chosen.map((c) => c.folder_id ?? null));
	if (!(await arrange(ids, action, folder?.id ?? null))) return;
	const text = action === "move" ? (folder ? t("order.moved", { count: ids.length, folder: folder.name }) : t("order.moved_out", { count: ids.length })) : t(`order.${action}d`, { count: ids.length });
	const back = () =>
		action === "move" ? Promise.all([...from].map((f) => arrange(chosen.filter((c) => (c.folder_id ?? null) === f).map((c) => c.id), "move", f))) : arrange(ids, action === "archive" ? "unarchive" : "archive");
	toast("ok", text, { action: { label: t("order.undo"), run: () => void back() } });
}
