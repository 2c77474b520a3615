import { Check, Mic, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useAudioRecording } from "@/hooks/useAudioRecording";
import { toast } from "@/stores/notices";
import { IconButton } from "../ui/Button";

export function AudioRecorder({ onRecorded }: { onRecorded: (file: File) => void }) {
	const { state, seconds, start, stop, possible } = useAudioRecording(onRecorded);
	const { t } = useTranslation();
	useEffect(() => {
		if (state === "refused") toast("warn", t("audio.refused"));
	}, [state, t]);
	if (!possible) return null;
	if (state !== "recording")
		return (
			<IconButton label={t("audio.record")} onClick={() => void start()} medium>
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
