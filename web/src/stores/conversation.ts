/* What the chat page holds itself: which conversation is on the screen, unsent text, conversations too new for the list. */
import { create } from "zustand";
import type { Attachment, Conversation } from "@/api/types";
import type { Chosen } from "@/components/knowledge/BaseChoice";
import type { Assistant } from "@/api/assistants";
import type { Make } from "@/lib/making";
import type { Overrides } from "@/lib/overrides";

export interface Draft {
	text: string;
	attachments: Attachment[];
	/** Not asked but made: a picture, a film. */
	make?: Make;
}

/** The draft of the conversation that does not exist yet. */
export const NEW = "new";
const EMPTY: Draft = { text: "", attachments: [] };
const KEY = "weir.drafts";

interface ConversationState {
	/** The conversation on the screen; null: a new one. */
	activeId: string | null;
	agentId: string | null;
	/** Who is to speak in a conversation that is not begun yet, in place of an agent. */
	assistant: Assistant | null;
	/** What such a one sets for itself. */
	overrides: Partial<Overrides> | null;
	/** Bases chosen for a conversation that is not begun yet. */
	knowledge: Chosen | null;
	/** Servers of tools chosen for such a one. */
	toolServers: string[];
	/** The one that is begun next is temporary. */
	temporary: boolean;
	/** A message that is looked for: it is drawn, however far back it is. */
	wanted: string | null;
	drafts: Record<string, Draft>;
	/** Made here; the server lists them after their first answer. */
	fresh: Conversation[];
	setActive: (id: string | null) => void;
	setAgent: (id: string | null) => void;
	setAssistant: (assistant: Assistant | null) => void;
	setOverrides: (overrides: Partial<Overrides> | null) => void;
	setKnowledge: (chosen: ConversationState["knowledge"]) => void;
	setToolServers: (ids: string[]) => void;
	setTemporary: (temporary: boolean) => void;
	setDraft: (id: string, draft: Partial<Draft>) => void;
	addFresh: (conversation: Conversation) => void;
	changeFresh: (id: string, change: Partial<Conversation>) => void;
	dropFresh: (id: string) => void;
	clear: () => void;
}

function savedDrafts(): Record<string, Draft> {
	try {
		const saved = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Record<string, string>;
		return Object.fromEntries(
			Object.entries(saved)
				.filter(([, text]) => typeof text === "string")
				.map(([id, text]) => [id, { ...EMPTY, text }]),
		);
	} catch {
		return {};
	}
}

function saveDrafts(drafts: Record<string, Draft>) {
	try {
		const texts = Object.entries(drafts).map(([id, d]) => [id, d.text]);
		sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(texts)));
	} catch {
		// private mode, or full: drafts last as long as the page
	}
}

export const useConversation = create<ConversationState>((set) => ({
	activeId: null,
	agentId: null,
	assistant: null,
	overrides: null,
	knowledge: null,
	toolServers: [],
	temporary: false,
	wanted: null,
	drafts: savedDrafts(),
	fresh: [],
	setActive: (activeId) => set({ activeId }),
	setAgent: (agentId) => set({ agentId, assistant: null }),
	setAssistant: (assistant) => set({ assistant, agentId: null }),
	setOverrides: (overrides) => set({ overrides }),
	setKnowledge: (knowledge) => set({ knowledge }),
	setToolServers: (toolServers) => set({ toolServers }),
	setTemporary: (temporary) => set({ temporary }),
	setDraft: (id, change) =>
		set((s) => {
			const draft = { ...(s.drafts[id] ?? EMPTY), ...change };
			const drafts = { ...s.drafts };
			if (draft.text === "" && draft.attachments.length === 0 && !draft.make) delete drafts[id];
			else drafts[id] = draft;
			saveDrafts(drafts);
			return { drafts };
		}),
	addFresh: (conversation) => set((s) => ({ fresh: [conversation, ...s.fresh] })),
	changeFresh: (id, change) => set((s) => ({ fresh: s.fresh.map((c) => (c.id === id ? { ...c, ...change } : c)) })),
	dropFresh: (id) => set((s) => ({ fresh: s.fresh.filter((c) => c.id !== id) })),
	clear: () => {
		saveDrafts({});
		set({ activeId: null, agentId: null, assistant: null, overrides: null, knowledge: null, toolServers: [], temporary: false, wanted: null, drafts: {}, fresh: [] });
	},
}));

export function draftOf(drafts: Record<string, Draft>, id: string | null): Draft {
	return drafts[id ?? NEW] ?? EMPTY;
}
