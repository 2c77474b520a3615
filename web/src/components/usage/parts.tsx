/* What the pages about usage share. */
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { UsageRecord, UsageSum, UsageSums } from "@/api/types";
import { Segments } from "@/components/ui/Field";
import { type Column, Table, Tag } from "@/components/ui/Table";
import { cx } from "@/lib/cx";
import { count, credits, dateTime } from "@/lib/format";
import { cost, duration, RANGES, type Range, short, shortTime } from "@/lib/usage";

export const STATUSES = ["completed", "failed", "cancelled"] as const;

export function RangeChoice({ bare, value, onChange }: { bare?: boolean; value: Range; onChange: (range: Range) => void }) {
	const { t } = useTranslation();
	return <Segments<Range> bare={bare} label={t("usage.range")} value={value} onChange={onChange} options={RANGES.map((range) => ({ value: range, label: t("usage.days", { days: range }) }))} />;
}

/** In a container: two by two where it is narrow, else in a row. */
export function Totals({ total }: { total: UsageSum }) {
	const { t } = useTranslation();
	const figures = [
		[t("usage.calls"), total.calls, short],
		[t("usage.tokens_in"), total.request_tokens, short],
		[t("usage.tokens_out"), total.response_tokens, short],
		[t("usage.credits"), total.cost, credits],
	] as const;
	return (
		<dl className="grid grid-cols-2 gap-3 @xl:grid-cols-4">
			{figures.map(([name, value, text]) => (
				<div key={name} className="min-w-0 rounded-xl border border-line bg-raised px-3.5 py-3">
					<dt className="text-xs text-faint">{name}</dt>
					<dd title={text === short ? count(value) : undefined} className="truncate text-lg font-semibold tabular-nums @4xl:text-xl">
						{text(value)}
					</dd>
				</div>
			))}
		</dl>
	);
}

/** More of it, where there is still more room. */
const WIDER = "hidden @3xl:table-cell";
/** What there is room for in a wide container; in a narrow one it is a second line of what is left. */
export const WIDE = "hidden @xl:table-cell";

type Sum = UsageSums["items"][number];

interface SumsProps {
	label: string;
	head: string;
	items: readonly Sum[];
	nameOf?: (name: string) => ReactNode;
	atOnce?: number;
	/** A bar below each name: its part of the credits. */
	shares?: boolean;
	/** What has no name. */
	none?: string;
	/** The name of a file of them all. */
	file?: string;
	className?: string;
}

/** Sums by whatever they are named by. */
export function SumsTable({ label, head, items, nameOf, atOnce = 20, shares, none, file, className }: SumsProps) {
	const most = Math.max(0, ...items.map((item) => item.cost));
	const { t } = useTranslation();
	const columns: Column<Sum>[] = [
		{
			name: "name",
			head,
			value: (item) => item.name,
			cell: (item) => (
				<>
					<p className="font-medium">{item.name === null ? (none ?? "–") : (nameOf?.(item.name) ?? item.name)}</p>
					{shares && <Share of={item.cost} most={most} />}
					<p className="text-xs whitespace-nowrap text-faint tabular-nums @xl:hidden">{t("usage.in_out", { input: count(item.request_tokens), output: count(item.response_tokens) })}</p>
				</>
			),
		},
		{ name: "calls", head: t("usage.calls"), number: true, value: (item) => item.calls, cell: (item) => count(item.calls) },
		{ name: "failed", head: t("usage.failed"), number: true, value: (item) => item.errors, wide: WIDER, cell: (item) => <span className={cx(item.errors > 0 && "text-danger")}>{count(item.errors)}</span> },
		{ name: "in", head: t("usage.tokens_in"), number: true, value: (item) => item.request_tokens, wide: WIDE, cell: (item) => count(item.request_tokens) },
		{ name: "out", head: t("usage.tokens_out"), number: true, value: (item) => item.response_tokens, wide: WIDE, cell: (item) => count(item.response_tokens) },
		{ name: "took", head: t("usage.duration"), number: true, value: (item) => item.latency_ms, wide: WIDER, cell: (item) => duration(item.latency_ms) },
		{ name: "credits", head: t("usage.credits"), number: true, value: (item) => item.cost, cell: (item) => cost(item.cost) },
	];
	return <Table tight label={label} rows={items} columns={columns} rowKey={(item) => item.name ?? ""} rowClass={(item) => item.calls === 0 && "text-faint"} pageSize={atOnce} file={file} className={className} />;
}

function Share({ of, most }: { of: number; most: number }) {
	return (
		<div aria-hidden className="mt-1 h-1 w-full max-w-48 overflow-hidden rounded-full bg-hover">
			<div className="h-full rounded-full bg-accent" style={{ width: most > 0 ? `${Math.max(1, (of / most) * 100)}%` : 0 }} />
		</div>
	);
}

export function At({ time }: { time: string }) {
	return (
		<time dateTime={time} title={dateTime(time)}>
			{shortTime(time)}
		</time>
	);
}

/** Tokens, marked where they were not counted by the provider. */
export function Tokens({ record, of }: { record: UsageRecord; of: "request_tokens" | "response_tokens" }) {
	const { t } = useTranslation();
	if (!record.estimated) return <>{count(record[of])}</>;
	return <span title={t("usage.estimated")}>≈ {count(record[of])}</span>;
}

export function StatusTag({ status }: { status: UsageRecord["status"] }) {
	const { t } = useTranslation();
	return <Tag tone={status === "completed" ? "ok" : status === "failed" ? "off" : "plain"}>{t(`usage.${status}`)}</Tag>;
}
