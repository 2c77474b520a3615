import { Check, Copy, Pencil, RefreshCw, Share2, ThumbsDown, ThumbsUp, Trash, Volume2, VolumeX } from "lucide-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { useCopy } from "@/hooks/useCopy";
import { copyText } from "@/lib/clipboard";
import { explain } from "@/lib/explain";
import { canSpeak, toggleSpeech, useSpeech } from "@/lib/speech";
import { useVoices } from "@/queries/account";
import { toast } from "@/stores/notices";
import { IconButton } from "../ui/Button";

export interface ActionProps {
	message: Message;
	/** An answer is being written: nothing may be answered again meanwhile. */
	busy: boolean;
	onRegenerate: (message: Message) => void;
	onDelete: (message: Message) => void;
	/** Of a question. */
	onEdit?: () => void;
	onJudge: (message: Message, verdict: "up" | "down") => void;
}

export const MessageActions = memo(function MessageActions({ message, busy, onRegenerate, onDelete, onEdit, onJudge }: ActionProps) {
	const [copied, copy] = useCopy();
	const { t } = useTranslation();
	const isAnswer = message.role === "assistant";
	const hasText = message.content !== "";

	return (
		<>
			{hasText && (
				<IconButton small label={copied ? t("common.copied") : t("common.copy")} onClick={() => copy(message.content)}>
					{copied ? <Check size={15} /> : <Copy size={15} />}
				</IconButton>
			)}
			{onEdit && (
				<IconButton small label={t("common.edit")} data-edit disabled={busy} onClick={onEdit}>
					<Pencil size={15} />
				</IconButton>
			)}
			{isAnswer && (
				<>
					<IconButton small label={t("chat.regenerate")} disabled={busy} onClick={() => onRegenerate(message)}>
						<RefreshCw size={15} />
					</IconButton>
					{hasText && <AnswerActions message={message} onJudge={onJudge} />}
				</>
			)}
			<IconButton small label={t("chat.delete_message")} disabled={busy} onClick={() => onDelete(message)}>
				<Trash size={15} />
			</IconButton>
		</>
	);
});

function AnswerActions({ message, onJudge }: Pick<ActionProps, "message" | "onJudge">) {
	const speaking = useSpeech((s) => s.speaking === message.id);
	const { verdict } = message;
	const { speaks } = useVoices();
	const { t } = useTranslation();
	const share = async () => {
		if (navigator.share) {
			await navigator.share({ text: message.content }).catch(() => undefined);
			return;
		}
		if (await copyText(message.content)) toast("ok", t("chat.shared"));
	};
	return (
		<>
			{canSpeak(speaks) && (
				<IconButton
					small
					active={speaking}
					label={t(speaking ? "chat.stop_reading" : "chat.read_aloud")}
					onClick={() => toggleSpeech(message.id, message.content, speaks, (e) => toast("danger", explain(e).text))}
				>
					{speaking ? <VolumeX size={15} /> : <Volume2 size={15} />}
				</IconButton>
			)}
			<IconButton small active={verdict === "up"} aria-pressed={verdict === "up"} label={t("chat.good")} onClick={() => onJudge(message, "up")}>
				<ThumbsUp size={15} />
			</IconButton>
			<IconButton small active={verdict === "down"} aria-pressed={verdict === "down"} label={t("chat.bad")} onClick={() => onJudge(message, "down")}>
				<ThumbsDown size={15} />
			</IconButton>
			<IconButton small label={t("chat.share")} onClick={() => void share()}>
				<Share2 size={15} />
			</IconButton>
		</>
	);
}
