/* Reading aloud, one text at a time. */
import { create } from "zustand";

/** Markdown without its marks, for ears. */
export function speakable(markdown: string): string {
	return markdown
		.replace(/```[\s\S]*?(```|$)/g, " ")
		.replace(/!\[([^\]]*)\]\([^)]*\)/g, "$1")
		.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
		.replace(/^\s{0,3}(#{1,6}|>|[-*+]|\d+[.)])\s+/gm, "")
		.replace(/^[|:\-\s]+$/gm, "")
		.replace(/[*_`~|#]+/g, " ")
		.replace(/[ \t]+/g, " ")
		.trim();
}

export const useSpeech = create<{ speaking: string | null }>(() => ({ speaking: null }));

/** Can anybody read: a model, or else the browser? */
export const canSpeak = (model?: string) => model !== undefined || typeof speechSynthesis !== "undefined";

let reading: AbortController | null = null;

export function stopSpeech() {
	reading?.abort();
	if (typeof speechSynthesis !== "undefined") speechSynthesis.cancel();
	useSpeech.setState({ speaking: null });
}

/** Starts reading `id`, or stops it if it is being read: by a model where there is one, else by the browser. */
export function toggleSpeech(id: string, text: string, model?: string, failed?: (e: unknown) => void) {
	const { speaking } = useSpeech.getState();
	stopSpeech();
	if (speaking === id) return;
	const over = () => useSpeech.setState((s) => (s.speaking === id ? { speaking: null } : s));
	useSpeech.setState({ speaking: id });
	if (model === undefined) {
		speakHere(text, over);
		return;
	}
	const { signal } = (reading = new AbortController());
	import("./voice")
		.then((voice) => voice.readAloud(speakable(text), model, signal))
		.catch((e: unknown) => signal.aborted || failed?.(e))
		.finally(() => signal.aborted || over());
}

function speakHere(text: string, over: () => void) {
	const utterance = new SpeechSynthesisUtterance(speakable(text));
	utterance.lang = /[\u4e00-\u9fff]/.test(text) ? "zh-CN" : "en-US";
	utterance.onend = utterance.onerror = over;
	speechSynthesis.speak(utterance);
}
