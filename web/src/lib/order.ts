/* The rows of the sidebar's list, from top to bottom. */
import type { Conversation, Folder } from "@/api/types";
import type { Language } from "@/i18n/language";
import { groupConversationsByDate } from "./dates";

export type Row =
	| { kind: "heading"; key: string; label: string; folders?: boolean }
	| { kind: "folder"; key: string; folder: Folder }
	| { kind: "conversation"; key: string; conversation: Conversation }
	| { kind: "archived"; key: string }
	| { kind: "more"; key: string };

interface Shown {
	/** Above all others. */
	pinned: Conversation[];
	/** null: folders are not shown here. */
	folders: Folder[] | null;
	items: Conversation[];
	/** There is more of them on the server. */
	more: boolean;
	/** The way to what is archived stands at the end. */
	archived: boolean;
	/** These are about to be deleted. */
	going: ReadonlySet<string>;
	language: Language;
	words: { pinned: string; folders: string };
}

export function listRows(shown: Shown, now = new Date()): Row[] {
	const there = (c: Conversation) => !shown.going.has(c.id);
	const row = (c: Conversation): Row => ({ kind: "conversation", key: c.id, conversation: c });
	const pinned = shown.pinned.filter(there);
	const rows: Row[] = [];
	if (pinned.length > 0) rows.push({ kind: "heading", key: "pinned", label: shown.words.pinned }, ...pinned.map(row));
	if (shown.folders) {
		rows.push({ kind: "heading", key: "folders", label: shown.words.folders, folders: true });
		for (const folder of shown.folders) rows.push({ kind: "folder", key: `folder ${folder.id}`, folder });
	}
	for (const group of groupConversationsByDate(shown.items.filter(there), shown.language, now))
		rows.push({ kind: "heading", key: `date ${group.label}`, label: group.label }, ...group.items.map(row));
	if (shown.more) rows.push({ kind: "more", key: "more" });
	if (shown.archived) rows.push({ kind: "archived", key: "archived" });
	return rows;
}

/** The conversations from one row to another, as they stand in the list; both ends belong to it. */
export function rangeOf(rows: readonly Row[], from: string | null, to: string): string[] {
	const ids = rows.flatMap((r) => (r.kind === "conversation" ? [r.key] : []));
	const a = from === null ? -1 : ids.indexOf(from);
	const b = ids.indexOf(to);
	if (b < 0) return [];
	return a < 0 ? [to] : ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}
