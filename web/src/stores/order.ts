/* How the sidebar stands: what it shows, what is selected, and what is about to be deleted and may still be had back. */
import { create } from "zustand";
import { onSignOut } from "@/api/session";
import { conversations } from "@/api/weir";
import { t } from "@/i18n";
import { explain } from "@/lib/explain";
import { forgetConversation, refreshConversations } from "@/queries/conversations";
import { toast, useNotifications } from "./notices";

/** As the server takes them in one request (src/chat/arrange.h). */
export const SELECTED_MAX = 200;
/** So long a deletion waits for second thoughts. */
export const UNDO_MS = 8000;

export type Place = { kind: "home" } | { kind: "archived" } | { kind: "folder"; id: string };

interface OrderState {
	place: Place;
	/** null: nothing is being selected. */
	selected: ReadonlySet<string> | null;
	/** Where a range begins. */
	anchor: string | null;
	/** Shown no more: they will be deleted. */
	going: ReadonlySet<string>;
	go: (place: Place) => void;
	select: (ids: string[], anchor: string) => void;
	toggle: (id: string) => void;
	unselect: () => void;
}

export const useOrder = create<OrderState>((set) => ({
	place: { kind: "home" },
	selected: null,
	anchor: null,
	going: new Set(),
	go: (place) => set({ place, selected: null, anchor: null }),
	select: (ids, anchor) =>
		set((s) => {
			const all = new Set([...(s.selected ?? []), ...ids]);
			if (all.size > SELECTED_MAX) {
				toast("warn", t("order.too_many", { most: SELECTED_MAX }));
				return {};
			}
			return { selected: all, anchor };
		}),
	toggle: (id) =>
		set((s) => {
			const selected = new Set(s.selected);
			if (!selected.delete(id)) {
				if (selected.size >= SELECTED_MAX) {
					toast("warn", t("order.too_many", { most: SELECTED_MAX }));
					return {};
				}
				selected.add(id);
			}
			return selected.size === 0 ? { selected: null, anchor: null } : { selected, anchor: id };
		}),
	unselect: () => set({ selected: null, anchor: null }),
}));

const waiting = new Map<number, { ids: string[]; timer: ReturnType<typeof setTimeout> }>();
let last = 0;

function show(ids: string[], going: boolean) {
	useOrder.setState((s) => {
		const all = new Set(s.going);
		for (const id of ids) if (going) all.add(id); else all.delete(id);
		return { going: all };
	});
}

/** They are deleted in a while, unless somebody wants them back; at once when the page is left. */
export function deleteSoon(ids: string[]) {
	const number = ++last;
	show(ids, true);
	waiting.set(number, { ids, timer: setTimeout(() => void deleteNow(number), UNDO_MS) });
	toast("ok", t("order.deleted", { count: ids.length }), {
		lasts: UNDO_MS,
		action: {
			label: t("order.undo"),
			run: () => {
				const mine = waiting.get(number);
				if (!mine) return;
				clearTimeout(mine.timer);
				waiting.delete(number);
				show(ids, false);
			},
		},
	});
}

async function deleteNow(number: number, keepalive = false) {
	const mine = waiting.get(number);
	if (!mine) return;
	clearTimeout(mine.timer);
	waiting.delete(number);
	try {
		await conversations.arrange(mine.ids, "delete", { keepalive });
		for (const id of mine.ids) {
			forgetConversation(id);
			useNotifications.getState().forgetConversation(id);
		}
	} catch (e) {
		toast("danger", explain(e).text);
	} finally {
		show(mine.ids, false);
		await refreshConversations();
	}
}

/** What waits to be deleted is deleted now. */
export async function deleteWaiting() {
	await Promise.all([...waiting.keys()].map((number) => deleteNow(number, true)));
}
if (typeof window !== "undefined") addEventListener("pagehide", () => void deleteWaiting());
onSignOut(() => {
	for (const { timer } of waiting.values()) clearTimeout(timer);
	waiting.clear();
	useOrder.setState({ place: { kind: "home" }, selected: null, anchor: null, going: new Set() });
});
