import { ChevronDown, ChevronLeft, ChevronRight, ChevronsUpDown, ChevronUp } from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { csvOf } from "@/lib/csv";
import { cx } from "@/lib/cx";
import { count } from "@/lib/format";
import { type Order, type SortValue, sorted } from "@/lib/sorted";
import { Button, IconButton } from "./Button";
import { CsvButton } from "./CsvButton";
import { Input } from "./Field";
import { Empty } from "./State";

export interface Column<Row> {
	/** Its own in the table; what an order names. */
	name: string;
	head: string;
	/** The head is for screen readers only: the column is one of buttons. */
	bare?: boolean;
	cell: (row: Row) => ReactNode;
	/** What rows are sorted and found by, and what a file says. A column without it does none of that. */
	value?: (row: Row) => SortValue;
	/** The server's name for it, where it sorts the list. */
	sort?: string;
	/** At the end, with digits of one width. */
	number?: boolean;
	/** At the end, but no number. */
	end?: boolean;
	/** A class that hides the column where there is no room for it. */
	wide?: string;
	className?: string;
}

interface TableProps<Row> {
	label: string;
	rows: readonly Row[];
	columns: readonly Column<Row>[];
	rowKey: (row: Row) => string | number;
	rowClass?: (row: Row) => string | false | undefined;
	/** The order at first; otherwise that of the rows. */
	order?: Order<string>;
	/** More rows than this are shown page by page. */
	pageSize?: number;
	/** The label of a field that finds rows among those here. */
	find?: string;
	/** More to find a row by than its columns say. */
	words?: (row: Row) => string;
	/** The name of a file of all rows that fit, offered above the table. */
	file?: string;
	/** The server has more of them, to which what is asked for next is added: see usePaged(). */
	more?: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown; sort?: string; onSort?: (sort: string) => void };
	/** Stands beside the field. */
	tools?: ReactNode;
	/** These are still the rows of what was asked before. */
	stale?: boolean;
	tight?: boolean;
	className?: string;
}

/**
 * The table of the console: sorted by a press on a head, filtered, page by page, saved as a file. It scrolls sideways
 * in a box of its own where it has no room. A row is 44 px high, but where a cell says more than two lines. When the server has more rows than are here it is the server that sorts
 * them, by the columns it knows.
 */
export function Table<Row>(props: TableProps<Row>) {
	const { label, rows, columns, order: first, pageSize = Infinity, find, words, file, more, tools } = props;
	const [order, setOrder] = useState<Order<string> | null>(first ?? null);
	const [search, setSearch] = useState("");
	const [page, setPage] = useState(0);
	const q = useDeferredValue(search.trim().toLowerCase());
	const { t } = useTranslation();
	const partial = more?.hasNextPage === true;
	const fitting = q === "" ? rows : rows.filter((row) => textOf(row, columns, words).includes(q));
	const afar = partial || more?.sort !== undefined;
	const by = afar ? undefined : columns.find((c) => c.name === order?.by && c.value);
	const inOrder = order && by ? sorted(fitting, order, (row) => by.value?.(row) ?? null) : fitting;
	// Rows may have gone since: the last page is then shown.
	const pages = Math.max(1, Math.ceil(inOrder.length / pageSize));
	const at = Math.min(page, pages - 1);
	const shown = pages === 1 ? inOrder : inOrder.slice(at * pageSize, (at + 1) * pageSize);
	const save = async () => {
		const told = columns.filter((c) => c.value);
		const text = csvOf(
			told.map((c) => c.head),
			inOrder.map((row) => told.map((c) => c.value?.(row) ?? null)),
		);
		return new Blob([text], { type: "text/csv;charset=utf-8" });
	};
	return (
		<div className="flex flex-col gap-3">
			{(find !== undefined || file !== undefined || tools) && (
				<div className="flex flex-wrap items-center gap-3 empty:hidden">
					{find !== undefined && (
						<div className="min-w-48 grow sm:max-w-sm">
							<Input
								bare
								type="search"
								label={find}
								placeholder={find}
								value={search}
								onChange={(e) => {
									setSearch(e.target.value);
									setPage(0);
								}}
							/>
						</div>
					)}
					{tools}
					<div className="grow max-sm:hidden" />
					{file !== undefined && <CsvButton label={t("table.csv")} hint={t("table.csv_hint")} name={file} fetch={save} />}
				</div>
			)}
			{inOrder.length === 0 && <Empty title={t("table.none")} />}
			{inOrder.length > 0 && (
				<Grid
					{...props}
					rows={shown}
					order={afar ? orderOf(more?.sort, columns) : by && order}
					sortable={(c) => (afar ? more?.onSort !== undefined && c.sort !== undefined : c.value !== undefined)}
					onOrder={(next) => {
						const name = afar && columns.find((c) => c.name === next.by)?.sort;
						if (name) more?.onSort?.(next.down ? `-${name}` : name);
						else setOrder(next);
						setPage(0);
					}}
				/>
			)}
			{pages > 1 && <Pages label={label} at={at} size={pageSize} total={inOrder.length} onChange={setPage} />}
			{partial && (
				<div className="flex items-center gap-3">
					<Button medium busy={more.isFetchingNextPage} onClick={() => void more.fetchNextPage()}>
						{t("table.more")}
					</Button>
					<p className="text-xs text-faint">{t(more.sort === undefined ? "table.partial" : "table.partial_sorted", { count: rows.length })}</p>
				</div>
			)}
		</div>
	);
}

function textOf<Row>(row: Row, columns: readonly Column<Row>[], words?: (row: Row) => string): string {
	return [...columns.map((c) => c.value?.(row) ?? ""), words?.(row) ?? ""].join(" ").toLowerCase();
}

/** What the server was asked for, as an order of the columns. */
function orderOf<Row>(sort: string | undefined, columns: readonly Column<Row>[]): Order<string> | undefined {
	const down = sort?.startsWith("-") === true;
	const column = sort !== undefined && columns.find((c) => c.sort === (down ? sort.slice(1) : sort));
	return column ? { by: column.name, down } : undefined;
}

const atEnd = <Row,>(c: Column<Row>) => c.number || c.end;

interface GridProps<Row> extends Omit<TableProps<Row>, "order"> {
	order: Order<string> | null | undefined;
	sortable: (column: Column<Row>) => boolean;
	onOrder: (order: Order<string>) => void;
}

function Grid<Row>({ label, rows, columns, rowKey, rowClass, order, sortable, onOrder, stale, tight, className }: GridProps<Row>) {
	return (
		<div tabIndex={0} role="group" aria-label={label} className={cx("relative overflow-x-auto rounded-xl border border-line bg-raised transition-opacity", stale && "opacity-60", className)}>
			<table className={cx("w-full text-sm", tight && "[&_:is(td,th)]:px-3")}>
				<caption className="sr-only">{label}</caption>
				<thead>
					<tr className="border-b border-line text-xs text-faint">
						{columns.map((c) => (
							<Head key={c.name} column={c} order={order?.by === c.name ? order : null} onOrder={sortable(c) ? onOrder : undefined} />
						))}
					</tr>
				</thead>
				<tbody className="divide-y divide-line">
					{rows.map((row) => (
						<tr key={rowKey(row)} className={rowClass?.(row) || undefined}>
							{columns.map((c) => (
								<td key={c.name} className={cx("h-11 px-4 py-0.5 align-middle max-sm:py-2", c.number && "whitespace-nowrap tabular-nums", atEnd(c) && "text-end", c.wide, c.className)}>
									{c.cell(row)}
								</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function Head<Row>({ column: c, order, onOrder }: { column: Column<Row>; order: Order<string> | null; onOrder?: (order: Order<string>) => void }) {
	const Icon = !order ? ChevronsUpDown : order.down ? ChevronDown : ChevronUp;
	return (
		<th
			scope="col"
			aria-sort={order ? (order.down ? "descending" : "ascending") : undefined}
			className={cx("h-11 px-4 font-medium whitespace-nowrap", atEnd(c) ? "text-end" : "text-start", c.wide)}
		>
			{onOrder ? (
				<button
					type="button"
					// Of numbers one looks for the most, of words for the first.
					onClick={() => onOrder({ by: c.name, down: order ? !order.down : c.number === true })}
					className={cx("-mx-1 inline-flex min-h-11 items-center gap-1 rounded px-1 font-medium -outline-offset-2 hover:text-ink", atEnd(c) && "flex-row-reverse", order && "text-ink")}
				>
					{c.head}
					<Icon size={13} aria-hidden className={cx("shrink-0", !order && "opacity-50")} />
				</button>
			) : (
				<span className={cx(c.bare && "sr-only")}>{c.head}</span>
			)}
		</th>
	);
}

function Pages({ label, at, size, total, onChange }: { label: string; at: number; size: number; total: number; onChange: (page: number) => void }) {
	const { t } = useTranslation();
	const last = Math.ceil(total / size) - 1;
	return (
		<nav aria-label={t("table.pages", { label })} className="flex items-center justify-end gap-1 text-xs text-faint tabular-nums">
			<p role="status" className="me-2">
				{t("table.shown", { from: count(at * size + 1), to: count(Math.min(total, (at + 1) * size)), total: count(total) })}
			</p>
			<IconButton label={t("table.previous")} disabled={at === 0} onClick={() => onChange(at - 1)} className="size-11!">
				<ChevronLeft size={17} aria-hidden />
			</IconButton>
			<IconButton label={t("table.next")} disabled={at === last} onClick={() => onChange(at + 1)} className="size-11!">
				<ChevronRight size={17} aria-hidden />
			</IconButton>
		</nav>
	);
}

export function Tag({ tone = "plain", children }: { tone?: "plain" | "ok" | "off" | "warn" | "accent"; children: ReactNode }) {
	const tones = {
		plain: "bg-surface text-soft",
		ok: "bg-tint text-ok",
		off: "bg-danger-tint text-danger",
		warn: "bg-warn-tint text-warn",
		accent: "bg-tint text-accent",
	};
	return <span className={cx("inline-block rounded-full px-2.5 py-0.5 text-xs whitespace-nowrap", tones[tone])}>{children}</span>;
}
