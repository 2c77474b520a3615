/* What a conversation sets for itself, beside its agent or assistant. */
import type { Conversation } from "@/api/types";

export type Overrides = Pick<Conversation, "model" | "prompt" | "temperature" | "top_p" | "context_messages">;
export const NOTHING_SET: Overrides = { model: null, prompt: null, temperature: null, top_p: null, context_messages: null };

/** How many of them are set; the model is shown where it is chosen. */
export function countOf(o: Partial<Overrides>): number {
	return [o.prompt, o.temperature, o.top_p, o.context_messages].filter((x) => x !== null && x !== undefined).length;
}

/** A number as a field has it: empty is null; undefined where it is none, or out of bounds. */
export function numberIn(text: string, max: number, whole = false): number | null | undefined {
	if (text.trim() === "") return null;
	const n = Number(text);
	return Number.isFinite(n) && n >= 0 && n <= max && (!whole || Number.isInteger(n)) ? n : undefined;
}
