import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

interface Wide {
	columns: number[];
	className: string;
}

interface TableProps {
	label: string;
	heads: ReactNode[];
	/** The columns of numbers: their heads stand at the end, as that of the last column does. */
	numbers?: number[];
	/** The columns for which a narrow container has no room, and the class that their cells have as well. */
	wide?: Wide | Wide[];
	tight?: boolean;
	className?: string;
	children: ReactNode;
}

/** A table that scrolls sideways on a small screen. */
export function Table({ label, heads, numbers, wide, tight, className, children }: TableProps) {
	const hiding = [wide ?? []].flat();
	return (
		<div tabIndex={0} role="group" aria-label={label} className={cx("relative overflow-x-auto rounded-xl border border-line bg-raised", className)}>
			<table className={cx("w-full text-sm", tight && "[&_:is(td,th)]:px-3 [&_td]:py-2.5")}>
				<thead>
					<tr className="border-b border-line text-start text-xs text-faint">
						{heads.map((head, i) => (
							<th
								key={i}
								scope="col"
								className={cx(
									"px-4 py-3 font-medium whitespace-nowrap",
									i === heads.length - 1 || numbers?.includes(i) ? "text-end" : "text-start",
									hiding.find((w) => w.columns.includes(i))?.className,
								)}
							>
								{head}
							</th>
						))}
					</tr>
				</thead>
				<tbody className="divide-y divide-line">{children}</tbody>
			</table>
		</div>
	);
}

export function Cell({ children, className }: { children?: ReactNode; className?: string }) {
	return <td className={cx("px-4 py-3 align-middle", className)}>{children}</td>;
}

/** A cell of a number: at the end, with digits of one width. */
export function NumberCell({ children, className }: { children?: ReactNode; className?: string }) {
	return <Cell className={cx("text-end whitespace-nowrap tabular-nums", className)}>{children}</Cell>;
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
