import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { History } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { List, QuotaChange } from "@/api/types";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { type Column, Table, Tag } from "@/components/ui/Table";
import { credits } from "@/lib/format";
import { At } from "./parts";

const TONES = { budget: "accent", reset: "ok", reminder: "warn" } as const;
const WIDE = "hidden @xl:table-cell";

interface Props {
	/** Whose, for the query cache. */
	name: string;
	subject: string;
	page: (before_id: number | undefined) => Promise<List<QuotaChange>>;
	/** A section with a head of its own, which is not there while nothing became of budgets. */
	title?: boolean;
}

/** What became of budgets, newest first: set, reset, and nearly used up. */
export function QuotaHistory({ name, subject, page, title }: Props) {
	const query = useInfiniteQuery<List<QuotaChange>, Error, InfiniteData<List<QuotaChange>>, readonly string[], number | undefined>({
		queryKey: ["quota-history", name, subject],
		initialPageParam: undefined,
		queryFn: ({ pageParam }) => page(pageParam),
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		staleTime: 0,
	});
	const { t } = useTranslation();
	const rows = query.data?.pages.flatMap((p) => p.items) ?? [];
	const amount = (value: number | null) => (value === null ? "–" : credits(value));
	const what = (c: QuotaChange) => t(`quota.is_${c.reason}`, { percent: c.percent ?? 0 });
	const columns: Column<QuotaChange>[] = [
		{ name: "when", head: t("quota.when"), value: (c) => c.created_at, className: "whitespace-nowrap text-faint", cell: (c) => <At time={c.created_at} /> },
		{ name: "whose", head: t("quota.whose"), value: (c) => t(`quota.of_${c.kind}`), wide: WIDE, cell: (c) => <Whose of={c} /> },
		{
			name: "what",
			head: t("quota.what"),
			value: what,
			cell: (c) => (
				<>
					<Tag tone={TONES[c.reason]}>{what(c)}</Tag>
					<div className="mt-1 text-xs text-faint @xl:hidden">
						<Whose of={c} />
					</div>
				</>
			),
		},
		{ name: "before", head: t("quota.before"), number: true, value: (c) => c.before, cell: (c) => amount(c.before) },
		{ name: "after", head: t("quota.after"), number: true, value: (c) => c.after, cell: (c) => amount(c.after) },
		{ name: "budget", head: t("quota.budget"), number: true, value: (c) => c.budget, wide: WIDE, cell: (c) => amount(c.budget) },
	];
	if (query.isPending) return title ? null : <Skeleton className="h-32" />;
	if (query.error && rows.length === 0) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (rows.length === 0) return title ? null : <Empty icon={<History size={24} />} title={t("quota.none")} />;
	const table = <Table tight label={t("quota.title")} rows={rows} columns={columns} rowKey={(c) => c.id} file="budgets.csv" more={query} />;
	if (!title) return <div className="@container">{table}</div>;
	return (
		<section className="@container flex flex-col gap-3">
			<h3 className="font-medium">{t("quota.title")}</h3>
			{table}
		</section>
	);
}

function Whose({ of: c }: { of: QuotaChange }) {
	const { t } = useTranslation();
	return (
		<>
			{t(`quota.of_${c.kind}`)}
			{c.kind === "group" && ` ${c.subject}`}
			{c.kind === "key" && <span className="ms-1 font-mono text-xs">{c.subject.slice(0, 8)}</span>}
		</>
	);
}
