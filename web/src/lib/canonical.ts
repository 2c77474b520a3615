/*
 * The stored text of a document, as it is drawn: light Markdown (headings, tables, lists, code) with a form feed between
 * pages. Places in it are counted in code points from the document's beginning, as citations count them, so each piece
 * knows where it begins.
 */
export interface Piece {
	text: string;
	/** Code points before it in the document. */
	at: number;
}

export type CanonicalBlock =
	| { kind: "page"; page: number; at: number }
	| { kind: "heading"; level: number; piece: Piece }
	| { kind: "table"; rows: Piece[][]; hasHead: boolean }
	| { kind: "code"; piece: Piece }
	| { kind: "item"; piece: Piece }
	| { kind: "text"; piece: Piece };

/** Its length in code points. */
export function points(text: string): number {
	let n = 0;
	for (const _ of text) n += 1;
	return n;
}

const HEADING = /^(#{1,6}) (?=\S)/;
const ITEM = /^(\s*[-*] )(?=\S)/;
const FENCE = /^```/;
const RULE = /^\|(\s*:?-+:?\s*\|)+\s*$/;

/** `text` is cut out of a document `from` code points after its beginning, on page `page` (1 is the first). */
export function blocksOf(text: string, from = 0, page = 1): CanonicalBlock[] {
	const out: CanonicalBlock[] = [];
	let at = from;
	let fence: { lines: string[]; at: number } | null = null;
	let table: Extract<CanonicalBlock, { kind: "table" }> | null = null;
	let paragraph: { lines: string[]; at: number } | null = null;

	const close = () => {
		if (paragraph) out.push({ kind: "text", piece: { text: paragraph.lines.join("\n"), at: paragraph.at } });
		paragraph = null;
		table = null;
	};
	const closeFence = () => {
		if (fence) out.push({ kind: "code", piece: { text: fence.lines.join("\n"), at: fence.at } });
		fence = null;
	};
	const take = (line: string) => {
		const next = at + points(line) + 1;
		if (FENCE.test(line)) {
			close();
			if (fence) closeFence();
			else fence = { lines: [], at: next };
		} else if (fence) {
			fence.lines.push(line);
		} else if (line.trim() === "") {
			close();
		} else if (line.startsWith("|")) {
			if (paragraph) close();
			if (RULE.test(line)) {
				if (table?.rows.length === 1) table.hasHead = true;
			} else {
				if (!table) out.push((table = { kind: "table", rows: [], hasHead: false }));
				table.rows.push(cellsOf(line, at));
			}
		} else {
			const mark = HEADING.exec(line)?.[0] ?? ITEM.exec(line)?.[0];
			if (mark !== undefined) {
				close();
				const piece = { text: line.slice(mark.length), at: at + points(mark) };
				out.push(mark.startsWith("#") ? { kind: "heading", level: mark.length - 1, piece } : { kind: "item", piece });
			} else {
				if (table) close();
				paragraph ??= { lines: [], at };
				paragraph.lines.push(line);
			}
		}
		at = next;
	};

	text.split("\f").forEach((sheet, i) => {
		if (i > 0) {
			close();
			closeFence();
			out.push({ kind: "page", page: page + i, at });
		}
		sheet.split("\n").forEach(take); // a form feed counts as the end of a line
	});
	close();
	closeFence();
	return out;
}

/** What is between the bars of a row, with its place. */
function cellsOf(line: string, at: number): Piece[] {
	const cells: Piece[] = [];
	let text = "";
	let start = at + 1;
	let here = at;
	let escaped = false;
	for (const c of line) {
		if (c === "|" && !escaped && here > at) {
			cells.push(trimmed(text, start));
			text = "";
			start = here + 1;
		} else if (here > at) text += c;
		escaped = c === "\\" && !escaped;
		here += 1;
	}
	if (text.trim() !== "") cells.push(trimmed(text, start));
	return cells;
}

function trimmed(text: string, at: number): Piece {
	const lead = text.length - text.trimStart().length; // blanks are one code point each
	return { text: text.trim(), at: at + lead };
}

/** A piece cut where [from, to) begins and ends: what is before it, in it, after it. */
export function cut({ text, at }: Piece, from: number, to: number): [string, string, string] {
	const a = from - at;
	const b = to - at;
	if (b <= 0 || a >= b) return [text, "", ""];
	const all = [...text];
	if (a >= all.length) return [text, "", ""];
	const begin = Math.max(0, a);
	return [all.slice(0, begin).join(""), all.slice(begin, b).join(""), all.slice(b).join("")];
}
