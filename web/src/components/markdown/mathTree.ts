/* KaTeX's tree of MathML as elements, with what MathML Core does not know said in another way. */
import type { Element, ElementContent } from "hast";

export interface Built {
	type?: string;
	attributes?: Record<string, string>;
	children?: Built[];
	text?: string;
	width?: number;
	character?: string | null;
}

/** First letters of Unicode's alphabets: A, a, 0. */
const ALPHABETS: Record<string, [number, number, number?]> = {
	bold: [0x1d400, 0x1d41a, 0x1d7ce],
	italic: [0x1d434, 0x1d44e],
	"bold-italic": [0x1d468, 0x1d482],
	script: [0x1d49c, 0x1d4b6],
	"bold-script": [0x1d4d0, 0x1d4ea],
	fraktur: [0x1d504, 0x1d51e],
	"bold-fraktur": [0x1d56c, 0x1d586],
	"double-struck": [0x1d538, 0x1d552, 0x1d7d8],
	"sans-serif": [0x1d5a0, 0x1d5ba, 0x1d7e2],
	"bold-sans-serif": [0x1d5d4, 0x1d5ee, 0x1d7ec],
	"sans-serif-italic": [0x1d608, 0x1d622],
	"sans-serif-bold-italic": [0x1d63c, 0x1d656],
	monospace: [0x1d670, 0x1d68a, 0x1d7f6],
};
/** Letters that Unicode had before it had the alphabets. */
const ELSEWHERE: Record<string, string> = {
	"script B": "ℬ", "script E": "ℰ", "script F": "ℱ", "script H": "ℋ", "script I": "ℐ", "script L": "ℒ", "script M": "ℳ", "script R": "ℛ",
	"script e": "ℯ", "script g": "ℊ", "script o": "ℴ", "fraktur C": "ℭ", "fraktur H": "ℌ", "fraktur I": "ℑ", "fraktur R": "ℜ", "fraktur Z": "ℨ",
	"double-struck C": "ℂ", "double-struck H": "ℍ", "double-struck N": "ℕ", "double-struck P": "ℙ", "double-struck Q": "ℚ", "double-struck R": "ℝ",
	"double-struck Z": "ℤ", "italic h": "ℎ",
};

function lettered(text: string, variant: string): string {
	const [upper, lower, digit] = ALPHABETS[variant] ?? [];
	if (upper === undefined || lower === undefined) return text;
	return [...text]
		.map((c) => {
			const known = ELSEWHERE[`${variant} ${c}`];
			if (known) return known;
			if (/[A-Z]/.test(c)) return String.fromCodePoint(upper + c.charCodeAt(0) - 65);
			if (/[a-z]/.test(c)) return String.fromCodePoint(lower + c.charCodeAt(0) - 97);
			return /\d/.test(c) && digit !== undefined ? String.fromCodePoint(digit + c.charCodeAt(0) - 48) : c;
		})
		.join("");
}

export function tree(node: Built): ElementContent[] {
	if (node.text !== undefined) return [{ type: "text", value: node.text }];
	if (node.width !== undefined) return [space(node)];
	if (!node.type || !node.attributes) return (node.children ?? []).flatMap(tree);
	const made = element(node.type, { ...node.attributes }, (node.children ?? []).flatMap(tree));
	if (made.tagName === "annotation") return [];
	letters(made);
	if (made.tagName === "mtable") columns(made);
	if (made.tagName === "menclose") enclose(made);
	return [made];
}

function element(tagName: string, properties: Element["properties"], children: ElementContent[]): Element {
	return { type: "element", tagName, properties, children };
}

function space({ width, character }: Built): ElementContent {
	return character ? element("mtext", {}, [{ type: "text", value: character }]) : element("mspace", { width: `${width!.toFixed(4)}em` }, []);
}

function addClass(node: Element, ...names: string[]) {
	node.properties.className = [...((node.properties.className as string[] | undefined) ?? []), ...names];
}

function letters(node: Element) {
	const variant = node.properties.mathvariant;
	if (typeof variant !== "string" || variant === "normal") return;
	delete node.properties.mathvariant;
	const isText = node.tagName === "mtext";
	for (const look of ["bold", "italic", "monospace"]) if (isText && variant.includes(look)) addClass(node, `math-${look}`);
	if (isText) return;
	for (const child of node.children) {
		if (child.type !== "text") continue;
		const wanted = lettered(child.value, variant);
		if (wanted === child.value && variant.includes("bold")) addClass(node, "math-bold");
		child.value = wanted;
	}
}

const words = (value: unknown) => String(value ?? "").split(" ").filter(Boolean);
/** Of the last, as often as needed. */
const nth = (list: string[], i: number) => list[Math.min(i, list.length - 1)];
/** Half of the distance between columns to each side: a class for each distance that KaTeX has, in hundredths of an em. */
const half = (gap: string | undefined) => Math.round(Number.parseFloat(gap ?? "0") * 50);

/** The alignment, distance and lines of a table's columns, cell by cell. */
function columns(table: Element) {
	const { columnalign, columnspacing, columnlines, rowlines } = table.properties;
	const [align, spacing, across, down] = [words(columnalign), words(columnspacing), words(columnlines), words(rowlines)];
	for (const name of ["columnalign", "columnspacing", "rowspacing", "columnlines", "rowlines"]) delete table.properties[name];
	const rows = table.children.filter((row): row is Element => row.type === "element");
	rows.forEach((row, y) => {
		const cells = row.children.filter((cell): cell is Element => cell.type === "element");
		cells.forEach((cell, x) => {
			addClass(cell, `math-${nth(align, x) ?? "center"}`);
			if (x > 0) addClass(cell, `math-before-${half(nth(spacing, x - 1))}`);
			if (x < cells.length - 1) addClass(cell, `math-after-${half(nth(spacing, x))}`);
			const [left, above] = [across[x - 1], down[y - 1]];
			if (left && left !== "none") addClass(cell, `math-line-left`, `math-${left}`);
			if (above && above !== "none") addClass(cell, `math-line-top`, `math-${above}`);
		});
	});
}

/** A box, lines at some sides, a strike. */
function enclose(node: Element) {
	addClass(node, ...words(node.properties.notation).map((name) => `math-line-${name}`));
	delete node.properties.notation;
	node.tagName = "mrow";
}
