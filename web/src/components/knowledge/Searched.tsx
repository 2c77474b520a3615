import { Search } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { count, credits } from "@/lib/format";
import { useSettings } from "@/stores/settings";

/** For what bases were searched before an answer, where a model was to put the question anew; and what each call cost. */
export default function Searched({ searched }: { searched: NonNullable<Message["searched"]> }) {
	const showCosts = useSettings((s) => s.showCosts);
	const { t } = useTranslation();
	const costs = searched.stages.map((s) => t("knowledge.stage_cost", { stage: t(`knowledge.stage_${s.op}`), credits: credits(s.credits), tokens: count(s.input_tokens + s.output_tokens) }));
	return (
		<div className="mt-3 flex items-start gap-1.5 text-xs text-faint">
			<Search size={13} aria-hidden className="mt-0.5 shrink-0" />
			<div className="min-w-0">
				<p className="wrap-anywhere" title={searched.rewrite === "used" ? undefined : searched.rewrite!}>
					{searched.rewrite === "used" ? t("knowledge.searched_for", { query: searched.query }) : t("knowledge.not_rewritten")}
				</p>
				{showCosts && costs.length > 0 && <p className="pt-0.5">{costs.join(" · ")}</p>}
			</div>
		</div>
	);
}
