/*
 * The few HTML tags that models write and that do no harm, without any attribute. All others stay the text that they
 * are. A chunk of its own.
 */
import { decodeNamedCharacterReference } from "decode-named-character-reference";
import type { Element, ElementContent, Root } from "hast";
import type { Extension } from "./Markdown";

const EMPTY = new Set(["br"]);
const INLINE = new Set(["sub", "sup", "kbd", "mark"]);
const BLOCK = new Set(["details", "summary"]);
const TOKEN = /<(\/?)([a-z]+)\s*\/?>|&(#x?)?([a-z\d]+);/gi;

type Child = ElementContent | { type: "raw"; value: string } | { type: "doctype" };
type Parent = { tagName?: string; children: Child[] };

/** Puts the children of `parent` below the tags that are among them. */
function nest(parent: Parent) {
	const out: Child[] = [];
	const open: Element[] = [];
	const put = (child: Child) => (open.at(-1)?.children ?? out).push(child as ElementContent);
	const text = (value: string) => value !== "" && put({ type: "text", value });
	const allowed = (name: string) => EMPTY.has(name) || INLINE.has(name) || (BLOCK.has(name) && parent.tagName !== "p" && parent.tagName !== "td");

	/** What a token does; null: it is text. */
	function meaning([, slash, name, hash, reference]: RegExpMatchArray): (() => unknown) | null {
		if (reference) {
			const value = hash ? numeric(hash, reference) : decodeNamedCharacterReference(reference);
			return value === false ? null : () => text(value);
		}
		const tagName = name!.toLowerCase();
		if (!allowed(tagName)) return null;
		const made: Element = { type: "element", tagName, properties: {}, children: [] };
		if (EMPTY.has(tagName)) return () => put(made);
		if (!slash)
			return () => {
				put(made);
				open.push(made);
			};
		const i = open.map((e) => e.tagName).lastIndexOf(tagName);
		return i < 0 ? null : () => open.splice(i);
	}

	for (const child of parent.children) {
		if (child.type !== "raw") {
			if ("children" in child) nest(child as Parent);
			put(child);
			continue;
		}
		let done = 0;
		for (const m of child.value.matchAll(TOKEN)) {
			const then = meaning(m);
			if (!then) continue;
			text(child.value.slice(done, m.index));
			then();
			done = m.index + m[0].length;
		}
		text(child.value.slice(done));
	}
	parent.children = out;
}

function numeric(hash: string, digits: string): string | false {
	const code = Number.parseInt(digits, hash === "#" ? 10 : 16);
	return code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : false;
}

function rehypeTags() {
	return (root: Root) => nest(root as Parent);
}

export const extension: Extension = { before: [rehypeTags] };
