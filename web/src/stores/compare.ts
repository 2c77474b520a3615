/* Models that are asked beside the chosen one, and why some of them did not answer. */
import { create } from "zustand";

/** The server compares three answers. */
export const OTHERS_MAX = 2;

/** A model that was not let answer: nothing of it is kept by the server. */
export interface Refused {
	model: string;
	text: string;
	detail?: string;
}

interface CompareState {
	/** Names, by conversation or NEW. */
	chosen: Record<string, string[]>;
	/** By question. */
	refused: Record<string, Refused[]>;
	choose: (id: string, models: string[]) => void;
	refuse: (questionId: string, refused: Refused[]) => void;
	clear: () => void;
}

export const useCompare = create<CompareState>((set) => ({
	chosen: {},
	refused: {},
	choose: (id, models) => set((s) => ({ chosen: { ...s.chosen, [id]: models.slice(0, OTHERS_MAX) } })),
	refuse: (id, refused) => set((s) => ({ refused: { ...s.refused, [id]: refused } })),
	clear: () => set({ chosen: {}, refused: {} }),
}));

/** Those that are asked beside `model`. */
export function othersOf(chosen: Record<string, string[]>, id: string, model: string | null | undefined): string[] {
	return (chosen[id] ?? []).filter((name) => name !== model);
}
