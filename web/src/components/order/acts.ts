/** What can be done with conversations in the list. */
export type Act = "rename" | "pin" | "unpin" | "move" | "archive" | "unarchive" | "share" | "select" | "delete";

/** What is dragged: ids of conversations, as JSON. */
export const DRAGGED = "application/x-weir-conversations";

export function draggedIds(data: DataTransfer): string[] {
	try {
		const ids: unknown = JSON.parse(data.getData(DRAGGED));
		return Array.isArray(ids) ? ids.filter((id): id is string => typeof id === "string") : [];
	} catch {
		return [];
	}
}
