import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "@/api/types";
import { cx } from "@/lib/cx";
import { explain } from "@/lib/explain";
import { useRename } from "@/queries/conversations";
import { toast } from "@/stores/notices";

const TITLE_MAX_CHARS = 200;

/** A title being written: Enter and leaving the field keep it, Escape does not. */
export function TitleEditor({ conversation, onDone, className }: { conversation: Conversation; onDone: () => void; className?: string }) {
	const [title, setTitle] = useState(conversation.title);
	const [over, setOver] = useState(false);
	const { mutate } = useRename();
	const { t } = useTranslation();
	const finish = (keep: boolean) => {
		if (over) return;
		setOver(true);
		const wanted = title.trim();
		if (keep && wanted !== "" && wanted !== conversation.title)
			mutate({ id: conversation.id, title: wanted }, { onError: (e) => toast("danger", explain(e).text) });
		onDone();
	};
	const onKeyDown = (e: KeyboardEvent) => {
		e.stopPropagation();
		if (e.key === "Enter" && !e.nativeEvent.isComposing) finish(true);
		if (e.key === "Escape") finish(false);
	};
	return (
		<input
			autoFocus
			value={title}
			maxLength={TITLE_MAX_CHARS}
			aria-label={t("sidebar.title_field")}
			onFocus={(e) => e.target.select()}
			onChange={(e) => setTitle(e.target.value)}
			onKeyDown={onKeyDown}
			onBlur={() => finish(true)}
			className={cx("min-w-0 rounded-md border border-accent bg-raised px-2 outline-none", className)}
		/>
	);
}
