import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { Receipt } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { HistoryRow, HoldRow, List } from "@/api/types";
import { me as api } from "@/api/weir";
import { cx } from "@/lib/cx";
import { credits, dateTime, signedCredits } from "@/lib/format";
import { useMe } from "@/queries/account";
import { keys } from "@/queries/client";
import { Button } from "../ui/Button";
import { Segments } from "../ui/Field";
import { Empty, Failed, Skeleton } from "../ui/State";

type View = "history" | "holds";

export function BalancePanel() {
	const me = useMe();
	const [view, setView] = useState<View>("history");
	const { t } = useTranslation();
	return (
		<div className="flex flex-col gap-5">
			<dl className="grid grid-cols-2 gap-3">
				<Figure name={t("account.balance")} value={credits(me?.credits ?? 0)} />
				<Figure name={t("account.held")} value={credits(me?.held ?? 0)} hint={t("account.held_hint")} />
			</dl>
			<p className="rounded-xl bg-tint px-4 py-3 text-sm text-soft">{t("account.top_up_hint")}</p>
			<Segments<View>
				label={t("account.movements")}
				value={view}
				onChange={setView}
				options={[
					{ value: "history", label: t("account.history") },
					{ value: "holds", label: t("account.holds") },
				]}
			/>
			{view === "history" ? <History /> : <Holds />}
		</div>
	);
}

function Figure({ name, value, hint }: { name: string; value: string; hint?: string }) {
	return (
		<div className="rounded-xl border border-line px-4 py-3">
			<dt className="text-xs text-faint">{name}</dt>
			<dd className="text-xl font-semibold tabular-nums">{value}</dd>
			{hint && <dd className="text-xs text-faint">{hint}</dd>}
		</div>
	);
}

function usePages<T extends { id: string | number }>(queryKey: readonly string[], page: (q: { limit: number; before_id?: string | number }) => Promise<List<T>>) {
	return useInfiniteQuery<List<T>, Error, InfiniteData<List<T>>, readonly string[], string | number | undefined>({
		queryKey,
		initialPageParam: undefined,
		queryFn: ({ pageParam }) => page({ limit: 20, before_id: pageParam }),
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		staleTime: 0,
	});
}

function History() {
	const query = usePages<HistoryRow>(keys.history, api.history);
	const { t } = useTranslation();
	return (
		<Rows query={query} empty={t("account.no_history")}>
			{(row: HistoryRow) => (
				<Row
					key={row.id}
					name={t(`changes.${row.change_type as "chat_cost"}`, { defaultValue: row.change_type })}
					note={row.description}
					at={row.created_at}
					amount={signedCredits(row.change_amount)}
					tone={row.change_amount > 0 ? "text-ok" : "text-ink"}
					rest={t("account.after", { credits: credits(row.balance_after) })}
				/>
			)}
		</Rows>
	);
}

function Holds() {
	const query = usePages<HoldRow>(keys.holds, api.holds);
	const { t } = useTranslation();
	return (
		<Rows query={query} empty={t("account.no_holds")}>
			{(row: HoldRow) => (
				<Row
					key={row.id}
					name={t(`hold_status.${row.status as "confirmed"}`, { defaultValue: row.status })}
					note={row.reason}
					at={row.created_at}
					amount={credits(row.amount)}
					tone="text-ink"
					rest={t("account.used", { credits: credits(row.used) })}
				/>
			)}
		</Rows>
	);
}

type Query<T extends { id: string | number }> = ReturnType<typeof usePages<T>>;

function Rows<T extends { id: string | number }>({ query, empty, children }: { query: Query<T>; empty: string; children: (row: T) => React.ReactNode }) {
	const { t } = useTranslation();
	const rows = query.data?.pages.flatMap((p) => p.items) ?? [];
	if (query.isPending) return <Skeleton className="h-32" />;
	if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (rows.length === 0) return <Empty icon={<Receipt size={24} />} title={empty} />;
	return (
		<>
			<ul className="divide-y divide-line">{rows.map(children)}</ul>
			{query.hasNextPage && (
				<Button small look="ghost" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
					{t("sidebar.more")}
				</Button>
			)}
		</>
	);
}

function Row({ name, note, at, amount, tone, rest }: { name: string; note: string | null; at: string; amount: string; tone: string; rest: string }) {
	return (
		<li className="flex items-baseline justify-between gap-4 py-2.5 text-sm">
			<div className="min-w-0">
				<p className="truncate">
					{name}
					{note && <span className="ms-2 text-faint">{note}</span>}
				</p>
				<time dateTime={at} className="text-xs text-faint">
					{dateTime(at)}
				</time>
			</div>
			<div className="shrink-0 text-end tabular-nums">
				<p className={cx("font-medium", tone)}>{amount}</p>
				<p className="text-xs text-faint">{rest}</p>
			</div>
		</li>
	);
}
