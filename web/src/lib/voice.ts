/* Dictation and reading aloud by a model; loaded when somebody asks for it. */
import { call, send } from "@/api/client";

/** As much as a model reads at once. */
const PIECE_CHARS = 4000;

/** What was said in a recording. */
export async function transcribe(recording: File, model: string): Promise<string> {
	const form = new FormData();
	form.set("model", model);
	form.set("response_format", "json");
	form.set("file", recording);
	const { text } = await call<{ text: string }>("/v1/audio/transcriptions", { method: "POST", blob: form });
	return text.trim();
}

/** The text in pieces that a model takes, cut between sentences where there are any. */
export function pieces(text: string, most = PIECE_CHARS): string[] {
	const found: string[] = [];
	let rest = text.trim();
	while (rest.length > most) {
		const head = rest.slice(0, most);
		const ends = [...head.matchAll(/[.!?。！？\n]+\s*/g)];
		const last = ends.at(-1);
		const at = last ? last.index + last[0].length : Math.max(head.lastIndexOf(" ") + 1, 0) || most;
		found.push(rest.slice(0, at).trim());
		rest = rest.slice(at);
	}
	return [...found, rest.trim()].filter((piece) => piece !== "");
}

/** Reads it aloud, one piece after the other; resolves at the end, or when it is stopped. */
export async function readAloud(text: string, model: string, signal: AbortSignal): Promise<void> {
	for (const input of pieces(text)) {
		const sound = await (await send("/v1/audio/speech", { method: "POST", json: { model, input, voice: "alloy" }, signal })).blob();
		if (signal.aborted) return;
		await play(sound, signal);
	}
}

async function play(sound: Blob, signal: AbortSignal): Promise<void> {
	const url = URL.createObjectURL(sound);
	const audio = new Audio(url);
	const stop = () => audio.pause();
	signal.addEventListener("abort", stop);
	try {
		await new Promise<void>((resolve, reject) => {
			audio.onended = audio.onpause = () => resolve();
			audio.onerror = () => reject(new Error("sound"));
			audio.play().catch(reject);
		});
	} finally {
		signal.removeEventListener("abort", stop);
		URL.revokeObjectURL(url);
	}
}
