import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { useSettings } from "@/stores/settings";
import { Button } from "../ui/Button";
import { CONTENT_MAX_CHARS, grow } from "./InputArea";
import MessageMedia from "./MessageMedia";

/** A question asked before, in other words. Escape leaves it as it was. */
export default function QuestionEditor({ message, onSend, onClose }: { message: Message; onSend: (content: string) => void; onClose: () => void }) {
	const [text, setText] = useState(message.content);
	const area = useRef<HTMLTextAreaElement>(null);
	const sendKey = useSettings((s) => s.sendKey);
	const { t } = useTranslation();
	const fits = text.trim() !== "" && [...text].length <= CONTENT_MAX_CHARS;

	useEffect(() => {
		area.current?.focus();
		area.current?.setSelectionRange(text.length, text.length);
	}, []);
	useEffect(() => grow(area.current), [text]);
	const send = () => {
		if (!fits) return;
		onSend(text.trim());
		onClose();
	};
	const onKeyDown = (e: KeyboardEvent) => {
		if (e.key === "Escape") onClose();
		if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing) return;
		if (sendKey === "mod-enter" && !e.ctrlKey && !e.metaKey) return;
		e.preventDefault();
		send();
	};
	return (
		<div className="rounded-2xl border border-accent bg-raised p-2 shadow-box">
			{message.attachments.length > 0 && <MessageMedia attachments={message.attachments} />}
			<textarea
				ref={area}
				rows={1}
				value={text}
				aria-label={t("chat.edit_question")}
				onChange={(e) => setText(e.target.value)}
				onKeyDown={onKeyDown}
				className="block max-h-96 w-full resize-none bg-transparent px-2 pt-1.5 pb-2 outline-none"
			/>
			<div className="flex flex-wrap items-center justify-end gap-2">
				<p className="min-w-40 grow basis-0 px-2 text-xs text-faint">{t("chat.edit_hint")}</p>
				<Button small onClick={onClose}>
					{t("common.cancel")}
				</Button>
				<Button small look="solid" disabled={!fits} onClick={send}>
					{t("chat.send")}
				</Button>
			</div>
		</div>
	);
}
