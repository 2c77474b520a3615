/* Toasts (seen for a moment) and notifications (kept: finished answers elsewhere). */
import { create } from "zustand";

export const NOTIFICATIONS_MAX = 50;

export interface Notification {
	taskId: string;
	conversationId: string;
	title: string;
	failed: boolean;
	completedAt: number;
	read: boolean;
}

interface NotificationState {
	items: Notification[];
	/** False: it was told before. */
	add: (n: Omit<Notification, "read">) => boolean;
	readAll: () => void;
	forgetConversation: (conversationId: string) => void;
	clear: () => void;
}

export const useNotifications = create<NotificationState>((set, get) => ({
	items: [],
	add: (n) => {
		if (get().items.some((i) => i.taskId === n.taskId)) return false;
		set((s) => ({ items: [{ ...n, read: false }, ...s.items].slice(0, NOTIFICATIONS_MAX) }));
		return true;
	},
	readAll: () => set((s) => ({ items: s.items.map((i) => (i.read ? i : { ...i, read: true })) })),
	forgetConversation: (id) => set((s) => ({ items: s.items.filter((i) => i.conversationId !== id) })),
	clear: () => set({ items: [] }),
}));

export type Tone = "info" | "ok" | "warn" | "danger";

export interface Toast {
	id: number;
	tone: Tone;
	text: string;
	detail?: string;
	action?: { label: string; run: () => void };
	/** Milliseconds on the screen; 0: until dismissed. */
	lasts: number;
}

interface ToastState {
	items: Toast[];
	show: (t: Omit<Toast, "id" | "lasts"> & { lasts?: number }) => number;
	dismiss: (id: number) => void;
}

let nextId = 1;

export const useToasts = create<ToastState>((set) => ({
	items: [],
	show: (t) => {
		const toast: Toast = { lasts: t.tone === "danger" ? 9000 : 6000, ...t, id: nextId++ };
		// The same words twice are one message.
		set((s) => ({ items: [...s.items.filter((i) => i.text !== t.text), toast].slice(-4) }));
		return toast.id;
	},
	dismiss: (id) => set((s) => ({ items: s.items.filter((i) => i.id !== id) })),
}));

export const toast = (tone: Tone, text: string, more: Partial<Pick<Toast, "detail" | "action" | "lasts">> = {}) =>
	useToasts.getState().show({ tone, text, ...more });
