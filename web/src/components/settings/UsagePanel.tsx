import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ChartColumn } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { UsageRecord } from "@/api/types";
import { apiKeys, quota, usage } from "@/api/weir";
import { count } from "@/lib/format";
import { cost, duration, everyDay, fromOf, type Range } from "@/lib/usage";
import { keys } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { Choice } from "../ui/Choice";
import { CsvButton } from "../ui/CsvButton";
import { Segments } from "../ui/Field";
import { Budgets } from "./Budgets";
import { Empty, Failed, Skeleton } from "../ui/State";
import { type Column, Table } from "../ui/Table";
import { Bars } from "../usage/Bars";
import { At, RangeChoice, STATUSES, StatusTag, SumsTable, Tokens, Totals, WIDE } from "../usage/parts";
import { QuotaHistory } from "../usage/QuotaHistory";

export default function UsagePanel() {
	const [range, setRange] = useState<Range>("30");
	const from = fromOf(range);
	const byDay = useQuery({ queryKey: keys.usage("day", from), queryFn: () => usage.sums({ group_by: "day", from }), placeholderData: keepPreviousData, staleTime: 0 });
	const byModel = useQuery({ queryKey: keys.usage("model", from), queryFn: () => usage.sums({ group_by: "model", from }), placeholderData: keepPreviousData, staleTime: 0 });
	return (
		<div className="@container flex flex-col gap-5">
			<Budgets />
			<RangeChoice value={range} onChange={setRange} />
			{byDay.isPending && <Skeleton className="h-72" />}
			{byDay.error && !byDay.data && <Failed error={byDay.error} onRetry={() => void byDay.refetch()} />}
			{byDay.data && (
				<>
					<Totals total={byDay.data.total} />
					<Bars days={everyDay(byDay.data)} />
				</>
			)}
			<Sums from={from} />
			<QuotaHistory name="mine" subject="" title page={(before_id) => quota.history({ limit: 20, before_id })} />
			<Records from={from} models={byModel.data?.items.flatMap((i) => i.name ?? []) ?? []} />
		</div>
	);
}

const GROUPS = ["model", "key", "status"] as const;
type Group = (typeof GROUPS)[number];

function Sums({ from }: { from: string }) {
	const [group, setGroup] = useState<Group>("model");
	const query = useQuery({ queryKey: keys.usage(group, from), queryFn: () => usage.sums({ group_by: group, from }), placeholderData: keepPreviousData, staleTime: 0 });
	const all = useQuery({ queryKey: keys.keyList("", "all"), queryFn: () => apiKeys.list({ limit: 100 }), enabled: group === "key" });
	const { t } = useTranslation();
	const nameOf = (name: string) => {
		if (group === "status") return t(`usage.${name as (typeof STATUSES)[number]}`);
		if (group === "model") return name;
		return all.data?.items.find((k) => k.id === name)?.name ?? name.slice(0, 8);
	};
	if (!query.data) return query.error ? <Failed error={query.error} onRetry={() => void query.refetch()} /> : null;
	if (query.data.items.length === 0) return null;
	return (
		<section className="flex flex-col gap-3">
			<Segments<Group> label={t("usage.by")} value={group} onChange={setGroup} options={GROUPS.map((value) => ({ value, label: t(`usage.${value}`) }))} />
			<SumsTable shares label={t(`usage.by_${group}`)} head={t(`usage.${group}`)} items={query.data.items} nameOf={nameOf} none={group === "key" ? t("usage.no_key") : undefined} />
		</section>
	);
}

function Records({ from, models }: { from: string; models: string[] }) {
	const [model, setModel] = useState("");
	const [status, setStatus] = useState("");
	const filter = { from, model, status };
	const { query, items: records } = usePaged<UsageRecord>(keys.usage("records", from, model, status), (ask) => usage.records({ ...filter, ...ask }), { limit: 20 });
	const { t } = useTranslation();
	// The model chosen may not be in a shorter range: the choice stays, and can be undone.
	const columns: Column<UsageRecord>[] = [
		{
			name: "model",
			head: `${t("usage.model")} · ${t("usage.time")}`,
			value: (r) => r.created_at,
			// Where it is narrow, what has no column of its own is a second line of those that are left.
			cell: (r) => (
				<>
					<p className="font-medium">{r.model ?? "–"}</p>
					<p className="text-xs whitespace-nowrap text-faint">
						<At time={r.created_at} />
					</p>
					{r.status !== "completed" && (
						<p className="mt-1 @xl:hidden">
							<StatusTag status={r.status} />
						</p>
					)}
				</>
			),
		},
		{ name: "in", head: t("usage.tokens_in"), number: true, value: (r) => r.request_tokens, wide: WIDE, cell: (r) => <Tokens record={r} of="request_tokens" /> },
		{ name: "out", head: t("usage.tokens_out"), number: true, value: (r) => r.response_tokens, wide: WIDE, cell: (r) => <Tokens record={r} of="response_tokens" /> },
		{
			name: "cost", sort: "cost", 
			head: t("usage.credits"),
			number: true,
			value: (r) => r.cost,
			cell: (r) => (
				<>
					{cost(r.cost)}
					<div className="text-xs text-faint @xl:hidden">
						<p>{t("usage.in_out", { input: count(r.request_tokens), output: count(r.response_tokens) })}</p>
						<p>{duration(r.latency_ms)}</p>
					</div>
				</>
			),
		},
		{ name: "took", sort: "latency_ms", head: t("usage.duration"), number: true, value: (r) => r.latency_ms, wide: WIDE, cell: (r) => duration(r.latency_ms) },
		{ name: "status", sort: "status", head: t("usage.status"), end: true, value: (r) => t(`usage.${r.status}`), wide: WIDE, cell: (r) => <StatusTag status={r.status} /> },
	];
	const names = model === "" || models.includes(model) ? models : [...models, model];
	return (
		<section className="flex flex-col gap-3">
			<div className="flex items-center justify-between gap-2">
				<h3 className="font-medium">{t("usage.records")}</h3>
				<CsvButton label={t("usage.csv")} hint={t("usage.csv_hint")} name="usage.csv" fetch={() => usage.csv(filter)} />
			</div>
			<div className="grid grid-cols-2 gap-2">
				<Choice label={t("usage.model")} all={t("usage.all_models")} value={model} onChange={setModel} options={names.map((name) => ({ value: name, label: name }))} />
				<Choice label={t("usage.status")} all={t("usage.all_statuses")} value={status} onChange={setStatus} options={STATUSES.map((s) => ({ value: s, label: t(`usage.${s}`) }))} />
			</div>
			{query.isPending && <Skeleton className="h-32" />}
			{query.error && records.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && records.length === 0 && <Empty icon={<ChartColumn size={24} />} title={t("usage.none")} />}
			{records.length > 0 && (
				<Table tight label={t("usage.records")} rows={records} columns={columns} rowKey={(r) => r.id} more={query} stale={query.isPlaceholderData} />
			)}
		</section>
	);
}
