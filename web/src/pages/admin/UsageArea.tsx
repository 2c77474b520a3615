import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ChartColumn } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { UsageRecord } from "@/api/types";
import { admin } from "@/api/weir";
import { Segments } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { Bars } from "@/components/usage/Bars";
import { RangeChoice, StatusTag, SumsTable, Totals } from "@/components/usage/parts";
import { everyDay, fromOf, type Range } from "@/lib/usage";
import { keys } from "@/queries/client";
import { AreaHead, Loading } from "./parts";
import { UserName } from "./UserName";

const GROUPS = ["model", "user", "channel", "key", "status"] as const;
/** How often it looks again, while the page is seen. */
const LIVE_MS = 10_000;
type Group = (typeof GROUPS)[number];

export default function UsageArea() {
	const [range, setRange] = useState<Range>("30");
	const [group, setGroup] = useState<Group>("model");
	const from = fromOf(range);
	const byDay = useSums("day", from);
	const { t } = useTranslation();
	return (
		<>
			<AreaHead title={t("admin.usage")}>
				<RangeChoice bare value={range} onChange={setRange} />
			</AreaHead>
			{byDay.isPending && <Loading />}
			{byDay.error && !byDay.data && <Failed error={byDay.error} onRetry={() => void byDay.refetch()} />}
			{byDay.data && (
				<div className="@container flex flex-col gap-5">
					<Totals total={byDay.data.total} />
					<Bars days={everyDay(byDay.data)} />
					<Segments<Group> label={t("usage.by")} value={group} onChange={setGroup} options={GROUPS.map((value) => ({ value, label: t(`usage.${value}`) }))} />
					<Sums key={group} group={group} from={from} />
				</div>
			)}
		</>
	);
}

function useSums(group_by: Group | "day", from: string) {
	return useQuery({ queryKey: keys.admin("usage", group_by, from), queryFn: () => admin.usage({ group_by, from }), placeholderData: keepPreviousData, staleTime: 0, refetchInterval: LIVE_MS });
}

function Sums({ group, from }: { group: Group; from: string }) {
	const query = useSums(group, from);
	const { t } = useTranslation();
	if (query.isPending) return <Loading />;
	if (!query.data) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (query.data.items.length === 0) return <Empty icon={<ChartColumn size={26} />} title={t("usage.none")} />;
	return <SumsTable label={t(`usage.by_${group}`)} head={t(`usage.${group}`)} items={query.data.items} nameOf={NAMES[group]} none={group === "key" ? t("usage.no_key") : undefined} shares file={`usage-by-${group}.csv`} />;
}

/** To the calls behind a sum. */
const NAMES: Partial<Record<Group, (name: string) => ReactNode>> = { user: userLink, key: keyLink, status: (name) => <StatusTag status={name as UsageRecord["status"]} /> };

function keyLink(id: string) {
	return (
		<Link href={`/admin/log?key=${id}`} className="font-mono text-accent hover:underline">
			{id.slice(0, 8)}
		</Link>
	);
}


function userLink(id: string) {
	return (
		<Link href={`/admin/log?user=${id}`} className="text-accent hover:underline">
			<UserName id={id} />
		</Link>
	);
}
