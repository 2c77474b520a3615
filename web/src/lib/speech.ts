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

export const canSpeak = () => typeof speechSynthesis !== "undefined";

/** Starts reading `id`, or stops it if it is being read. */
export function toggleSpeech(id: string, text: string) {
	const { speaking } = useSpeech.getState();
	speechSynthesis.cancel();
	if (speaking === id) {
		useSpeech.setState({ speaking: null });
		return;
	}
	const utterance = new SpeechSynthesisUtterance(speakable(text));
	utterance.lang = /[\u4e00-\u9fff]/.test(text) ? "zh-CN" : "en-US";
	utterance.onend = utterance.onerror = () =>
		useSpeech.setState((s) => (s.speaking === id ? { speaking: null } : s));
	useSpeech.setState({ speaking: id });
	speechSynthesis.speak(utterance);
}
