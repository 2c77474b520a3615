import { Columns2, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { modelNamed } from "@/queries/account";
import { useCompare } from "@/stores/compare";
import { NEW } from "@/stores/conversation";

interface Props {
	conversationId: string | null;
	models: Model[];
	/** Names of those that are asked beside the chosen one. */
	others: string[];
}

/** Which other models the next question goes to. */
export default function CompareChips({ conversationId, models, others }: Props) {
	const choose = useCompare((s) => s.choose);
	const { t } = useTranslation();
	return (
		<div className="flex flex-wrap items-center gap-1.5 px-3 pt-3 text-sm text-soft">
			<Columns2 size={15} aria-hidden className="shrink-0 text-faint" />
			<span id="compared-with">{t("compare.beside")}</span>
			<ul aria-labelledby="compared-with" className="contents">
				{others.map((name) => {
					const shown = modelNamed(models, name)?.display_name || name;
					return (
						<li key={name} data-compared={name} className="flex h-8 max-w-full items-center gap-1 rounded-full bg-tint ps-3 text-accent">
							<span className="truncate">{shown}</span>
							<button
								type="button"
								aria-label={t("compare.remove", { name: shown })}
								title={t("compare.remove", { name: shown })}
								onClick={() => {
									choose(conversationId ?? NEW, others.filter((other) => other !== name));
									document.getElementById("composer")?.focus();
								}}
								className="flex size-8 shrink-0 items-center justify-center rounded-full hover:bg-hover"
							>
								<X size={14} aria-hidden />
							</button>
						</li>
					);
				})}
			</ul>
		</div>
	);
}
