/* Marks of sources in an answer, [1], [1, 2] or 【1】 as the server reads them (search/cite.h), found in the text of its tree and nowhere in code, links or formulas. */
export interface HastNode {
	type: string;
	tagName?: string;
	value?: string;
	properties?: Record<string, unknown>;
	children?: HastNode[];
}

const MARK = /[[【](\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)[\]】]/g;
const OPAQUE = new Set(["code", "pre", "a", "math", "svg"]);

/** A rehype plugin: each mark becomes <cite data-n>. It runs after the sanitizer, so no other element has that name. */
export function citeMarks() {
	return function visit(node: HastNode) {
		if (!node.children || (node.tagName && OPAQUE.has(node.tagName))) return;
		node.children = node.children.flatMap((child) => {
			if (child.type === "text") return split(child.value ?? "");
			visit(child);
			return [child];
		});
	};
}

function split(text: string): HastNode[] {
	const out: HastNode[] = [];
	let end = 0;
	for (const found of text.matchAll(MARK)) {
		if (found.index > end) out.push({ type: "text", value: text.slice(end, found.index) });
		for (const n of found[1]!.split(/[,，、]/)) out.push({ type: "element", tagName: "cite", properties: { dataN: Number(n) }, children: [] });
		end = found.index + found[0].length;
	}
	if (end < text.length || out.length === 0) out.push({ type: "text", value: text.slice(end) });
	return out;
}
