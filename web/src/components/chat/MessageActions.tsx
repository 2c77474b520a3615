import { Check, Copy, Ellipsis, Pencil, RefreshCw, ThumbsDown, ThumbsUp, Trash, VolumeX } from "lucide-react";
import { memo, Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { useCopy } from "@/hooks/useCopy";
import { stopSpeech, useSpeech } from "@/lib/speech";
import { IconButton } from "../ui/Button";
import { fetchMenus, MessageMenu } from "./later";

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
	const hasText = message.content !== "";
	const copyButton = hasText && (
		<IconButton small label={copied ? t("common.copied") : t("common.copy")} onClick={() => copy(message.content)}>
			{copied ? <Check size={15} /> : <Copy size={15} />}
		</IconButton>
	);
	if (message.role === "assistant")
		return (
			<>
				{copyButton}
				<IconButton small label={t("chat.regenerate")} disabled={busy} onClick={() => onRegenerate(message)}>
					<RefreshCw size={15} />
				</IconButton>
				{hasText && <Verdict message={message} onJudge={onJudge} />}
				<More message={message} busy={busy} onJudge={onJudge} onDelete={onDelete} />
			</>
		);
	return (
		<>
			{copyButton}
			{onEdit && (
				<IconButton small label={t("common.edit")} data-edit disabled={busy} onClick={onEdit}>
					<Pencil size={15} />
				</IconButton>
			)}
			<IconButton small label={t("chat.delete_message")} disabled={busy} onClick={() => onDelete(message)}>
				<Trash size={15} />
			</IconButton>
		</>
	);
});

/** What was said of it, or praise to give; blame is in the menu. */
function Verdict({ message, onJudge }: Pick<ActionProps, "message" | "onJudge">) {
	const { t } = useTranslation();
	const { verdict } = message;
	if (verdict === "down")
		return (
			<IconButton small active aria-pressed label={t("chat.bad")} onClick={() => onJudge(message, "down")}>
				<ThumbsDown size={15} />
			</IconButton>
		);
	return (
		<IconButton small active={verdict === "up"} aria-pressed={verdict === "up"} label={t("chat.good")} onClick={() => onJudge(message, "up")}>
			<ThumbsUp size={15} />
		</IconButton>
	);
}

function More(props: Pick<ActionProps, "message" | "busy" | "onJudge" | "onDelete">) {
	const speaking = useSpeech((s) => s.speaking === props.message.id);
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const close = useCallback(() => setOpen(false), []);
	const { t } = useTranslation();
	return (
		<>
			{speaking && (
				<IconButton small active label={t("chat.stop_reading")} onClick={stopSpeech}>
					<VolumeX size={15} />
				</IconButton>
			)}
			<IconButton ref={button} small label={t("chat.more")} aria-haspopup="menu" aria-expanded={open} active={open} onPointerEnter={fetchMenus} onClick={() => setOpen(!open)}>
				<Ellipsis size={15} />
			</IconButton>
			{open && (
				<Suspense>
					<MessageMenu {...props} anchor={button.current!} onClose={close} />
				</Suspense>
			)}
		</>
	);
}
