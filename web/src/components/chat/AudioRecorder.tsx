import { Check, Mic, X } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useAudioRecording } from "@/hooks/useAudioRecording";
import { explain } from "@/lib/explain";
import { useVoices } from "@/queries/account";
import { toast } from "@/stores/notices";
import { IconButton } from "../ui/Button";

interface Props {
	/** The chosen model takes recordings as they are. */
	hears: boolean;
	onRecorded: (file: File) => void;
	/** What was said, where a model writes it down. */
	onText: (text: string) => void;
}

/** The microphone: for dictation where a model writes down what is said, else for models that hear; for nobody, none. */
export function AudioRecorder({ hears, onRecorded, onText }: Props) {
	const { transcribes } = useVoices();
	const [writing, setWriting] = useState(false);
	const { t } = useTranslation();
	const take = useCallback(
		(file: File) => {
			if (transcribes === undefined) return onRecorded(file);
			setWriting(true);
			import("@/lib/voice")
				.then((voice) => voice.transcribe(file, transcribes))
				.then((text) => (text ? onText(text) : toast("warn", t("audio.nothing"))))
				.catch((e: unknown) => toast("danger", explain(e).text))
				.finally(() => setWriting(false));
		},
		[transcribes, onRecorded, onText, t],
	);
	const { state, seconds, start, stop, possible } = useAudioRecording(take);
	useEffect(() => {
		if (state === "refused") toast("warn", t("audio.refused"));
	}, [state, t]);
	if (!possible || (transcribes === undefined && !hears)) return null;
	if (state !== "recording")
		return (
			<IconButton
				label={t(writing ? "audio.writing" : transcribes === undefined ? "audio.record" : "audio.dictate")}
				disabled={writing}
				onClick={() => void start()}
				medium
			>
				<Mic size={17} />
			</IconButton>
		);
	return (
		<div role="status" className="flex items-center gap-1 rounded-lg bg-danger-tint ps-3 text-sm text-danger tabular-nums">
			<span aria-hidden className="size-2 animate-breathe rounded-full bg-danger" />
			{Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, "0")}
			<IconButton small label={t("audio.discard")} onClick={() => stop(false)}>
				<X size={15} />
			</IconButton>
			<IconButton small label={t("audio.use")} onClick={() => stop(true)}>
				<Check size={15} />
			</IconButton>
		</div>
	);
}
