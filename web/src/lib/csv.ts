/* Rows as a file for spreadsheets (RFC 4180), in UTF-8 with its mark, without which some take it for something else. */

export type CsvValue = string | number | null;

/** What begins like a formula is not to be worked out by who opens the file. */
function field(value: CsvValue): string {
	if (value === null) return "";
	if (typeof value === "number") return String(value);
	const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(heads: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
	const lines = [heads, ...rows].map((row) => row.map(field).join(","));
	return `\ufeff${lines.join("\r\n")}\r\n`;
}
