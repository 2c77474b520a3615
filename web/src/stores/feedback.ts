/* Thumbs up and down, kept on this device: the reader's own marks. */
import { create } from "zustand";

export type Verdict = "up" | "down";
const KEY = "weir.feedback";
const KEPT_MAX = 500;

function saved(): Record<string, Verdict> {
	try {
		return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, Verdict>;
	} catch {
		return {};
	}
}

export const useFeedback = create<{ given: Record<string, Verdict>; give: (id: string, v: Verdict) => void }>((set) => ({
	given: saved(),
	give: (id, verdict) =>
		set((s) => {
			const { [id]: before, ...rest } = s.given;
			const all = before === verdict ? rest : { ...rest, [id]: verdict };
			const given = Object.fromEntries(Object.entries(all).slice(-KEPT_MAX));
			try {
				localStorage.setItem(KEY, JSON.stringify(given));
			} catch {
				// private mode
			}
			return { given };
		}),
}));
