import { Brain, ChevronRight } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";

/** What the model thinks before it answers: open while it thinks, folded afterwards. */
export function Reasoning({ text, thinking }: { text: string; thinking: boolean }) {
	const [choice, setChoice] = useState<boolean | null>(null);
	const { t } = useTranslation();
	const open = choice ?? thinking;
	return (
		<div className="mb-3 text-sm text-faint">
			<button
				type="button"
				aria-expanded={open}
				onClick={() => setChoice(!open)}
				className="flex items-center gap-1.5 rounded-lg py-1 pe-2 hover:text-ink"
			>
				<Brain size={15} aria-hidden className={cx(thinking && "animate-breathe")} />
				{t(thinking ? "chat.thinking" : "chat.thought")}
				<ChevronRight size={14} aria-hidden className={cx("transition-transform", open && "rotate-90")} />
			</button>
			{open && <p className="mt-1 border-s-2 border-line ps-4 wrap-anywhere whitespace-pre-wrap">{text}</p>}
		</div>
	);
}
