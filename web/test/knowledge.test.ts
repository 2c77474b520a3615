import { describe, expect, it } from "vitest";
import type { Base, Doc, Version } from "@/api/knowledge";
import en from "@/i18n/knowledge.en.json";
import { blocksOf, cut, points } from "@/lib/canonical";
import { citeMarks, type HastNode } from "@/lib/cite";
import { baseState, documentPath, FAULTS, faultOf, newest, pageAt, placeOf, scoresOf, snippet, WINDOW, windowAround } from "@/lib/knowledge";

describe("the stored text of a document", () => {
	const text = ["# 标题 🌊", "", "Erste Zeile", "zweite", "", "- a point", "", "| Name | Zahl |", "| --- | --- |", "| 𠮷 | 1 |", "", "```", "x = 1", "", "y = 2", "```", "Ende\f## Next", "", "last"].join("\n");
	const all = [...text];
	const blocks = blocksOf(text);

	it("is headings, paragraphs, points, tables and code, with pages between", () => {
		expect(blocks.map((b) => b.kind)).toEqual(["heading", "text", "item", "table", "code", "text", "page", "heading", "text"]);
		expect(blocks.find((b) => b.kind === "page")).toMatchObject({ page: 2 });
		expect(blocks.find((b) => b.kind === "table")).toMatchObject({ hasHead: true });
		expect(blocks.find((b) => b.kind === "code")).toMatchObject({ piece: { text: "x = 1\n\ny = 2" } });
	});
	it("knows of each piece where it stands, in code points", () => {
		for (const block of blocks) {
			const pieces = block.kind === "table" ? block.rows.flat() : block.kind === "page" ? [] : [block.piece];
			for (const { text: t, at } of pieces) expect(all.slice(at, at + points(t)).join("")).toBe(t);
		}
	});
	it("is the same when only a part of it is here", () => {
		const from = all.indexOf("\f") + 1;
		const part = blocksOf(all.slice(from).join(""), from, 2);
		expect(part).toEqual(blocks.slice(-2));
	});
	it("has a passage marked wherever that begins and ends", () => {
		const piece = { text: "a𠮷b水c", at: 10 };
		expect(cut(piece, 11, 13)).toEqual(["a", "𠮷b", "水c"]);
		expect(cut(piece, 0, 12)).toEqual(["", "a𠮷", "b水c"]);
		expect(cut(piece, 14, 99)).toEqual(["a𠮷b水", "c", ""]);
		expect(cut(piece, 0, 10)).toEqual(["a𠮷b水c", "", ""]);
		expect(cut(piece, 15, 20)).toEqual(["a𠮷b水c", "", ""]);
	});
	it("bears cells with escaped bars, and rows without an end", () => {
		const table = blocksOf("| a \\| b | c");
		expect(table).toEqual([{ kind: "table", hasHead: false, rows: [[{ text: "a \\| b", at: 2 }, { text: "c", at: 11 }]] }]);
	});
});

describe("marks of sources", () => {
	const marked = (...children: HastNode[]) => {
		const tree: HastNode = { type: "root", children };
		citeMarks()(tree);
		return JSON.stringify(tree, (key, value: unknown) => (key === "type" ? undefined : value));
	};
	it("are found in text, one or several at once", () => {
		const seen = marked({ type: "text", value: "So [1], and [2, 12]. 见【3】" });
		expect(seen.match(/"dataN":(\d+)/g)).toEqual(['"dataN":1', '"dataN":2', '"dataN":12', '"dataN":3']);
		expect(seen).toContain('"value":"So "');
		expect(seen).toContain('"value":". 见"');
	});
	it("are none in code and links, nor what only looks like one", () => {
		const text: HastNode = { type: "text", value: "[1]" };
		expect(marked({ type: "element", tagName: "code", children: [text] })).not.toContain("dataN");
		expect(marked({ type: "element", tagName: "a", children: [text] })).not.toContain("dataN");
		expect(marked({ type: "text", value: "a[i] [x1] [1.5] [1234]" })).not.toContain("dataN");
	});
});

const version = (over: Partial<Version> = {}) => ({ version: 1, state: "ready", code: null, chunks: 4, vectors: 4, skipped: 0, ...over }) as Version;
const base = (over: Partial<Base> = {}) => ({ documents: 2, ready: 2, failed: 0, index: null, ...over }) as Base;

describe("bases and documents", () => {
	it("are as their parts are", () => {
		expect(baseState(base())).toBe("ready");
		expect(baseState(base({ documents: 0, ready: 0 }))).toBe("empty");
		expect(baseState(base({ ready: 1 }))).toBe("working");
		expect(baseState(base({ index: { model: "m", documents: 2, done: 0, failed: 0 } }))).toBe("working");
		expect(baseState(base({ ready: 1, failed: 1 }))).toBe("partial");
		expect(baseState(base({ ready: 0, failed: 2 }))).toBe("failed");
	});
	it("are shown by the version that something is done for", () => {
		const next = version({ version: 2, state: "parsing" });
		expect(newest({ ...version(), next } as Doc)).toBe(next);
	});
	it("have words and advice for each fault", () => {
		for (const fault of FAULTS) {
			expect(en.knowledge[`fault_${fault}`]).toMatch(/\.$/);
			expect(en.knowledge[`advice_${fault}`]).toMatch(/\.$/);
		}
		expect(faultOf("encrypted")).toBe("encrypted");
		expect(faultOf("never_heard_of")).toBeNull();
		expect(faultOf(null)).toBeNull();
	});
	it("are opened at a place, which is read from the address again", () => {
		const path = documentPath("b", "d", { from: 3, to: 9, version: 2, page: 7 });
		expect(path).toBe("/knowledge/b/documents/d?from=3&to=9&version=2&page=7");
		expect(placeOf(path.split("?")[1]!)).toEqual({ place: { from: 3, to: 9 }, version: 2, page: 7 });
		expect(placeOf("from=9&to=3&version=x&page=-1")).toEqual({ place: null, version: undefined, page: null });
	});
	it("are loaded around the place, and it is always within", () => {
		expect(windowAround(null)).toEqual({ from: 0, to: WINDOW });
		expect(windowAround({ from: 5, to: 9 })).toEqual({ from: 0, to: WINDOW });
		for (const place of [{ from: WINDOW - 1, to: WINDOW + 1 }, { from: 90_000, to: 190_000 }]) {
			const { from, to } = windowAround(place);
			expect(from).toBeLessThanOrEqual(place.from);
			expect(to).toBeGreaterThanOrEqual(place.to);
		}
	});
	it("have their pages counted from a place whose page is known", () => {
		expect(pageAt("a\fb\fc", 0, { from: 2 }, 2)).toBe(1);
		expect(pageAt("𠮷\fb\fc", 100, { from: 104 }, 9)).toBe(7);
		expect(pageAt("a\fb", 100, null, null)).toBe(1);
	});
	it("tell the scores that are known, and leave out those that are not", () => {
		const hit = { scores: { odd: 0.1, cosine: 0.5, rank: null, fused: 0.7 } } as unknown as Parameters<typeof scoresOf>[0];
		expect(scoresOf(hit)).toEqual([
			{ name: "fused", known: "fused", value: 0.7 },
			{ name: "cosine", known: "cosine", value: 0.5 },
			{ name: "odd", known: undefined, value: 0.1 },
		]);
	});
	it("are quoted without the marks of a page", () => {
		expect(snippet("# Title\n\n| a |\n| --- |\n| 1 |\fnext")).toBe("Title\n| a |\n| 1 |\nnext");
	});
});
