/* The page or picture that is open beside the conversation. */
import { create } from "zustand";
import type { Piece } from "@/lib/artifacts";

interface ArtifactState {
	/** What was opened, as it was then; null: nothing is open. */
	piece: Piece | null;
	open: (piece: Piece | null) => void;
}

export const useArtifact = create<ArtifactState>((set) => ({ piece: null, open: (piece) => set({ piece }) }));
