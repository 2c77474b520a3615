/* Answers that are being written at this moment, whichever conversation is on the screen. */
import { create } from "zustand";
import type { Attachment, Message } from "@/api/types";
import { newId } from "@/lib/ids";

export type Phase =
	| "asking" /* the question is on its way */
	| "waiting" /* accepted; no word yet */
	| "streaming"
	| "reconnecting"
	| "lost" /* given up; the reader may try again */
	| "stopping";

export interface LiveTurn {
	key: string;
	conversationId: string;
	kind: "send" | "refill" | "sibling" | "beside" | "follow" | "tools";
	phase: Phase;
	taskId: string | null;
	assistantId: string | null;
	/** The question, until the server's own copy is here; then its id. */
	question: Message | null;
	questionId: string | null;
	/** The message that another version is made of, which is shown in its place and in that of all that follows. */
	replaces: Message | null;
	/** The answer that it is compared with and shown beside. */
	beside: string | null;
	/** The answer's stand-in, shown in place of the message with assistantId. */
	answer: Message;
	text: string;
	reasoning: string;
	startedAt: number;
}

interface RuntimeState {
	turns: Record<string, LiveTurn>;
	put: (turn: LiveTurn) => void;
	change: (key: string, change: Partial<LiveTurn>) => void;
	drop: (key: string) => void;
	clear: () => void;
}

export const useRuntime = create<RuntimeState>((set) => ({
	turns: {},
	put: (turn) => set((s) => ({ turns: { ...s.turns, [turn.key]: turn } })),
	change: (key, change) =>
		set((s) => {
			const turn = s.turns[key];
			if (!turn) return s;
			const turns = { ...s.turns, [key]: { ...turn, ...change } };
			// What stands beside it goes by its name.
			const { answer } = change;
			if (answer && answer.id !== turn.answer.id)
				for (const other of Object.values(turns)) if (other.beside === turn.answer.id) turns[other.key] = { ...other, beside: answer.id };
			return { turns };
		}),
	drop: (key) =>
		set((s) => {
			if (!(key in s.turns)) return s;
			const { [key]: _gone, ...turns } = s.turns;
			return { turns };
		}),
	clear: () => set({ turns: {} }),
}));

export function turnsOf(turns: Record<string, LiveTurn>, conversationId: string | null): LiveTurn[] {
	return Object.values(turns).filter((t) => t.conversationId === conversationId);
}

// -- stand-ins, before the server has named things

function blank(conversationId: string, role: Message["role"]): Message {
	const now = new Date().toISOString();
	return {
		id: `temp-${newId()}`,
		conversation_id: conversationId,
		sequence: Number.MAX_SAFE_INTEGER,
		role,
		content: "",
		status: role === "user" ? "pending" : "processing",
		is_error: false,
		error_message: null,
		error_display: null,
		model: null,
		input_tokens: 0,
		output_tokens: 0,
		credits_cost: 0,
		attachments: [],
		citations: [],
		searched: null,
		calls: null,
		task_id: null,
		created_at: now,
		updated_at: now,
	};
}

export function createTempMessage(conversationId: string, content: string, attachments: Attachment[] = []): Message {
	return { ...blank(conversationId, "user"), content, attachments, sequence: Number.MAX_SAFE_INTEGER - 1 };
}

export function createStreamingMessage(conversationId: string, model: string | null): Message {
	return { ...blank(conversationId, "assistant"), model };
}

/**
 * What the reader sees: the messages of the server with the live turns laid
 * over them. A refilled answer stands where it stood; a new one comes last; of what
 * another version takes the place, nothing is shown.
 */
export function overlay(messages: Message[], turns: LiveTurn[]): Message[] {
	const live = turns.filter((turn) => turn.beside === null);
	if (live.length === 0) return messages;
	const gone = Math.min(...live.map((turn) => turn.replaces?.sequence ?? Infinity));
	const ours = new Set(live.flatMap((turn) => [turn.questionId, turn.assistantId]));
	const out = messages.filter((m) => m.sequence < gone || ours.has(m.id));
	for (const turn of live) {
		if (turn.question && !out.some((m) => m.id === turn.question!.id)) out.push(turn.question);
		const shown = shownAnswer(turn, messages);
		const at = out.findIndex((m) => m.id === shown.id);
		if (at >= 0) out[at] = shown;
		else out.push(shown);
	}
	return out.sort((a, b) => a.sequence - b.sequence);
}

/** Answers that are compared, each once, as it was heard of last. */
export function joined(before: Message[] | undefined, more: Message[] | undefined): Message[] | undefined {
	if (!before || !more) return before ?? more;
	return [...before.filter((m) => !more.some((n) => n.id === m.id)), ...more];
}

function shownAnswer(turn: LiveTurn, messages: Message[]): Message {
	const known = messages.find((m) => m.id === turn.assistantId);
	return {
		...turn.answer,
		...(known && { id: known.id, sequence: known.sequence, created_at: known.created_at }),
		beside: joined(known?.beside, turn.answer.beside),
		content: turn.text,
		status: "processing",
		is_error: false,
		error_display: null,
		task_id: turn.taskId,
	};
}
