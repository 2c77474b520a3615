import { useCallback, useEffect, useRef, useState } from "react";

export type RecorderState = "idle" | "recording" | "refused";

/** The microphone, into one file. */
export function useAudioRecording(done: (file: File) => void) {
	const [state, setState] = useState<RecorderState>("idle");
	const [seconds, setSeconds] = useState(0);
	const recorder = useRef<MediaRecorder | null>(null);
	const keep = useRef(true);

	const start = useCallback(async () => {
		let stream: MediaStream;
		try {
			stream = await navigator.mediaDevices.getUserMedia({ audio: true });
		} catch {
			setState("refused");
			return;
		}
		const parts: Blob[] = [];
		const r = new MediaRecorder(stream);
		keep.current = true;
		r.ondataavailable = (e) => parts.push(e.data);
		r.onstop = () => {
			for (const track of stream.getTracks()) track.stop();
			setState("idle");
			const type = r.mimeType.split(";")[0] || "audio/webm";
			if (keep.current && parts.length > 0) done(new File(parts, `recording.${type.split("/")[1]}`, { type }));
		};
		r.start();
		recorder.current = r;
		setSeconds(0);
		setState("recording");
	}, [done]);

	const stop = useCallback((use: boolean) => {
		keep.current = use;
		if (recorder.current?.state === "recording") recorder.current.stop();
	}, []);

	useEffect(() => {
		if (state !== "recording") return;
		const timer = setInterval(() => setSeconds((s) => s + 1), 1000);
		return () => clearInterval(timer);
	}, [state]);
	useEffect(() => () => stop(false), [stop]);
	return { state, seconds, start, stop, possible: canRecord() };
}

function canRecord(): boolean {
	return typeof MediaRecorder !== "undefined" && !!navigator.mediaDevices?.getUserMedia;
}
