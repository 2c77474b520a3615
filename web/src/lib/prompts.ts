/* Prompts that are kept: their variables, and how they are found. */
import type { Prompt } from "@/api/assistants";

const VARIABLE = /\{\{\s*([^{}\n]{1,60}?)\s*\}\}/g;
/** What calls for the list: a slash at the beginning, and what is looked for behind it. */
const CALL = /^\/([^\n]{0,60})$/;

/** The names of a text's variables, each once, in the order in which they come. */
export function variablesOf(text: string): string[] {
	return [...new Set([...text.matchAll(VARIABLE)].map((m) => m[1]!))];
}

/** The text with its variables filled in; one without a value stays as it is written. */
export function fill(text: string, values: Record<string, string>): string {
	return text.replace(VARIABLE, (whole, name: string) => (Object.hasOwn(values, name) && values[name] !== "" ? values[name]! : whole));
}

/** What is looked for, if the composer's text calls for the list; null: it does not. */
export function calledFor(text: string): string | null {
	return CALL.exec(text)?.[1] ?? null;
}

/** Those whose name or text has all the words; names that begin with them first. */
export function find(prompts: Prompt[], wanted: string): Prompt[] {
	const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
	const rank = (p: Prompt) => {
		const name = p.name.toLowerCase();
		return name.startsWith(words.join(" ")) ? 0 : words.every((w) => name.includes(w)) ? 1 : 2;
	};
	return prompts.filter((p) => words.every((w) => `${p.name} ${p.text}`.toLowerCase().includes(w))).sort((a, b) => rank(a) - rank(b));
}

/** The prompts of a file: ours, or a plain list of {name, text}; null: it is something else. */
export function readPrompts(text: string): { name: string; text: string }[] | null {
	try {
		const file = JSON.parse(text) as unknown;
		const list = Array.isArray(file) ? file : (file as { prompts?: unknown } | null)?.prompts;
		if (!Array.isArray(list) || list.length === 0) return null;
		const found = list.map((p: { name?: unknown; title?: unknown; text?: unknown; content?: unknown }) => ({ name: p?.name ?? p?.title, text: p?.text ?? p?.content }));
		return found.every((p) => typeof p.name === "string" && typeof p.text === "string") ? (found as { name: string; text: string }[]) : null;
	} catch {
		return null;
	}
}
