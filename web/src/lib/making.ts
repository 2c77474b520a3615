/* Pictures and films that are being made, and what they cost. */
import type { Model, Task } from "@/api/types";

export interface MadeFile {
	id: string;
	url: string;
	content_type: string;
}

export type Kind = "image" | "video";

export function isMade(task: Task): boolean {
	return task.type === "image" || task.type === "video";
}

/** What stands in the result of one that is done; nothing in any other. */
export function filesOf(task: Task): MadeFile[] {
	const files = (task.result as { files?: MadeFile[] } | null)?.files;
	return Array.isArray(files) ? files : [];
}

export function promptOf(task: Task): string {
	const prompt = (task.result as { prompt?: unknown } | null)?.prompt;
	return typeof prompt === "string" ? prompt : "";
}

/** Credits for one picture, for a second of a film, or for a call of either; null: not known. */
export function priceOf(model: Model | undefined, kind: Kind): { credits: number; of: "image" | "second" | "call" } | null {
	for (const of of [kind === "image" ? "image" : "second", "call"] as const) {
		const step = model?.prices.find((p) => p.meter === of);
		if (step && model) return { credits: (step.unit_price / step.per) * model.ratio, of };
	}
	return null;
}

/** How far it is, by whoever knows more: never back. */
export function progressOf(task: Task, told: number | undefined): number {
	return Math.max(task.progress, told ?? 0);
}
