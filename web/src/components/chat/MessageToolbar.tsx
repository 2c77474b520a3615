import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { clock, count, credits } from "@/lib/format";
import { useSettings } from "@/stores/settings";
import { type ActionProps, MessageActions } from "./MessageActions";
import { Versions } from "./Versions";

interface Props extends ActionProps {
	/** The newest message shows its tools; the others when pointed at. */
	last: boolean;
	onShow: (id: string) => Promise<void>;
}

export function MessageToolbar({ message, last, onShow, ...actions }: Props) {
	const showCosts = useSettings((s) => s.showCosts);
	const { t } = useTranslation();
	const isAnswer = message.role === "assistant";
	return (
		<div className={cx("mt-1 flex flex-wrap items-center gap-x-3 text-xs text-faint", isAnswer ? "" : "-mb-4 justify-end")}>
			{isAnswer && (
				<p className="flex flex-wrap gap-x-2 py-1">
					{message.model && <span>{message.model}</span>}
					<time dateTime={message.created_at}>{clock(message.created_at)}</time>
					{showCosts && message.credits_cost > 0 && (
						<span title={t("chat.tokens", { input: count(message.input_tokens), output: count(message.output_tokens) })}>
							{t("chat.cost", { credits: credits(message.credits_cost) })}
						</span>
					)}
				</p>
			)}
			<Versions message={message} busy={actions.busy} onShow={onShow} />
			<div
				className={cx(
					"-ms-2 flex items-center transition-opacity",
					!last && "pointer-fine:opacity-0 pointer-fine:group-focus-within:opacity-100 pointer-fine:group-hover:opacity-100",
				)}
			>
				<MessageActions message={message} {...actions} />
			</div>
		</div>
	);
}
