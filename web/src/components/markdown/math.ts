/*
 * Formulas as MathML, which browsers draw themselves: no fonts, no HTML text. A chunk of its own.
 *
 * KaTeX builds a tree; it is handed on as elements. What MathML Core leaves out (alphabets, the columns and lines of
 * tables, boxes) is said by characters and styles instead.
 */
import type { Element, ElementContent, Nodes, Root } from "hast";
import katex from "katex";
import type { KatexOptions } from "katex";
import type { Root as Mdast } from "mdast";
import remarkMath from "remark-math";
import { normaliseFormulas } from "@/lib/formulas";
import { type Built, tree } from "./mathTree";
import type { Extension } from "./Markdown";

const DISPLAYED = "language-math-display";
/** What KaTeX has for others to build on, and does not describe. */
const { __renderToDomTree: build } = katex as unknown as { __renderToDomTree: (tex: string, options: KatexOptions) => Built };
/** Longer formulas within a line scroll by themselves. */
const LONG_CHARS = 40;

/** What was written with three marks stands on its own. */
function remarkDisplay() {
	return (root: Mdast, file: unknown) => {
		const source = String(file);
		const visit = (node: { type: string; children?: unknown[]; position?: { start: { offset?: number } }; data?: { hProperties?: object } }) => {
			const at = node.position?.start.offset ?? 0;
			if (node.type === "inlineMath" && source.startsWith("$$$", at) && node.data) node.data.hProperties = { className: ["language-math", DISPLAYED] };
			node.children?.forEach((c) => visit(c as typeof node));
		};
		visit(root as never);
	};
}

function classes(node: Nodes | undefined): string[] {
	const names = node?.type === "element" ? node.properties.className : null;
	return Array.isArray(names) ? names.map(String) : [];
}

function textOf(node: Nodes): string {
	if (node.type === "text") return node.value;
	return "children" in node ? node.children.map(textOf).join("") : "";
}

function draw(tex: string, display: boolean): Element {
	const parts = ["formula", display ? "formula-display" : tex.length > LONG_CHARS ? "formula-long" : ""].filter(Boolean);
	try {
		const built = build(tex, { output: "mathml", displayMode: display, throwOnError: true, strict: "ignore", maxSize: 20, trust: false });
		return { type: "element", tagName: "span", properties: { className: parts }, children: tree(built) };
	} catch (e) {
		// Half of a formula while it is written, or one that KaTeX does not know: as it was written.
		const title = e instanceof Error ? e.message : undefined;
		return { type: "element", tagName: "code", properties: { className: ["formula-raw"], title }, children: [{ type: "text", value: tex }] };
	}
}

/** After the sanitizer: the parser's marks become formulas. */
function rehypeFormulas() {
	return function visit(parent: Root | Element) {
		parent.children = (parent.children as ElementContent[]).map((node): ElementContent => {
			if (node.type !== "element") return node;
			const code = node.tagName === "pre" ? node.children[0] : node;
			const names = classes(code);
			if (code?.type === "element" && code.tagName === "code" && names.includes("language-math"))
				return draw(textOf(code).trim(), node !== code || names.includes(DISPLAYED));
			visit(node);
			return node;
		});
	};
}

export const extension: Extension = {
	text: normaliseFormulas,
	remark: [[remarkMath, { singleDollarTextMath: false }], remarkDisplay],
	after: [rehypeFormulas],
};
