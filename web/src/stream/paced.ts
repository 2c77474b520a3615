/*
 * Deltas come faster than a page can draw: they are gathered and handed on once
 * per frame, or every 200 ms when nobody looks. Where drawing takes long (a huge
 * paragraph, a slow phone) it happens less often, so that most of the time is
 * left for the reader's own doings.
 */
const HIDDEN_MS = 200;
/** A frame's worth: what takes less is drawn with every frame. */
const CHEAP_MS = 8;
/** Of the time, at most one part in this many goes into drawing. */
const SHARE = 4;

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
	let notBefore = 0;
	let cancel: (() => void) | null = null;

	const flush = () => {
		cancel?.();
		cancel = null;
		if (!dirty) return;
		dirty = false;
		const began = performance.now();
		show(text, reasoning);
		// The page is drawn before the next task runs.
		setTimeout(() => {
			const cost = performance.now() - began;
			notBefore = cost > CHEAP_MS ? began + cost * SHARE : 0;
		});
	};
	const later = () => {
		dirty = true;
		cancel ??= schedule(flush, notBefore - performance.now());
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

function schedule(work: () => void, wait: number): () => void {
	if (document.visibilityState === "visible" && wait <= 0) {
		const frame = requestAnimationFrame(work);
		return () => cancelAnimationFrame(frame);
	}
	const timer = setTimeout(work, document.visibilityState === "visible" ? wait : HIDDEN_MS);
	return () => clearTimeout(timer);
}
