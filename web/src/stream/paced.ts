/*
 * Deltas come faster than a page can draw: they are gathered and handed on once
 * per frame, or every 200 ms when nobody looks.
 */
const HIDDEN_MS = 200;

export interface Paced {
	add: (text: string) => void;
	reason: (text: string) => void;
	/** Hands on what is gathered, now. */
	flush: () => void;
	/** From the beginning again. */
	reset: () => void;
}

export function paced(show: (text: string, reasoning: string) => void): Paced {
	let text = "";
	let reasoning = "";
	let dirty = false;
	let cancel: (() => void) | null = null;

	const flush = () => {
		cancel?.();
		cancel = null;
		if (!dirty) return;
		dirty = false;
		show(text, reasoning);
	};
	const later = () => {
		dirty = true;
		cancel ??= schedule(flush);
	};
	return {
		add: (t) => {
			text += t;
			later();
		},
		reason: (t) => {
			reasoning += t;
			later();
		},
		flush,
		reset: () => {
			text = reasoning = "";
		},
	};
}

function schedule(work: () => void): () => void {
	if (document.visibilityState === "visible") {
		const frame = requestAnimationFrame(work);
		return () => cancelAnimationFrame(frame);
	}
	const timer = setTimeout(work, HIDDEN_MS);
	return () => clearTimeout(timer);
}
