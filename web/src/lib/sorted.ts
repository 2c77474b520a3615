/* Rows of a table in the order that somebody chose. */
export interface Order<Column extends string> {
	by: Column;
	down: boolean;
}

export type SortValue = string | number | null;

/** What is not known comes last, whichever way. */
export function sorted<Row, Column extends string>(rows: readonly Row[], order: Order<Column>, value: (row: Row, by: Column) => SortValue): Row[] {
	const sign = order.down ? -1 : 1;
	return [...rows].sort((a, b) => {
		const x = value(a, order.by);
		const y = value(b, order.by);
		if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
		if (typeof x === "number" && typeof y === "number") return sign * (x - y);
		return sign * String(x).localeCompare(String(y));
	});
}
