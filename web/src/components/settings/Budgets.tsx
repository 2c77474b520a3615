import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Budget } from "@/api/types";
import { quota } from "@/api/weir";
import { credits, dateTime } from "@/lib/format";
import { keys } from "@/queries/client";

/** What may still be spent of the budgets of the user and the group; nothing where there are none. */
export function Budgets() {
	const { data } = useQuery({ queryKey: keys.quota, queryFn: quota.mine, staleTime: 0 });
	const { t } = useTranslation();
	if (!data || (!data.user_budget && !data.group_budget && data.ratio === 1)) return null;
	return (
		<section className="flex flex-col gap-3">
			<h3 className="font-medium">{t("budget.title")}</h3>
			{data.user_budget && <Bar name={t("budget.of_user")} budget={data.user_budget} />}
			{data.group_budget && <Bar name={t("budget.of_group", { name: data.group })} budget={data.group_budget} />}
			{data.ratio !== 1 && <p className="text-sm text-faint">{t("budget.ratio", { name: data.group, ratio: credits(data.ratio) })}</p>}
		</section>
	);
}

function Bar({ name, budget }: { name: string; budget: Budget }) {
	const { t } = useTranslation();
	const used = budget.amount > 0 ? Math.min(100, (100 * (budget.amount - budget.left)) / budget.amount) : 100;
	const notes = [budget.held > 0 ? t("budget.held", { held: credits(budget.held) }) : null, budget.resets_at ? t("budget.resets", { time: dateTime(budget.resets_at) }) : null];
	return (
		<div className="rounded-xl border border-line bg-raised px-4 py-3">
			<p className="flex flex-wrap justify-between gap-x-4 text-sm">
				<span className="text-soft">{name}</span>
				<span className="tabular-nums">{t("budget.left", { left: credits(budget.left), amount: credits(budget.amount) })}</span>
			</p>
			<div role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(used)} className="mt-2 h-2 overflow-hidden rounded-full bg-surface">
				<div className={used >= 95 ? "h-full bg-danger" : "h-full bg-accent"} style={{ width: `${used}%` }} />
			</div>
			<p className="mt-1.5 text-xs text-faint">{notes.filter(Boolean).join(" · ")}</p>
		</div>
	);
}
