/* Knowledge bases: addresses, states and scores, for those who draw them. */
import type { Base, Doc, Hit, Version } from "@/api/knowledge";
import type { ShownState } from "@/components/knowledge/StateTag";

/** The address that opens a document, at a place if there is one. */
export function documentPath(base: string, document: string, place?: { from: number; to: number; version?: number; page?: number | null }): string {
	const path = `/knowledge/${base}/documents/${document}`;
	if (!place) return path;
	const query = new URLSearchParams({ from: String(place.from), to: String(place.to) });
	if (place.version !== undefined) query.set("version", String(place.version));
	if (place.page) query.set("page", String(place.page));
	return `${path}?${query}`;
}

/** The version that something is being done for, or that it failed for: the next one, if there is one. */
export function newest(doc: Doc): Version {
	return doc.next ?? doc;
}

/** Something will still come of it by itself. */
export function inWork(version: Version): boolean {
	return version.state !== "ready" && version.state !== "failed";
}

/** What a user is told of a failure; any other code has the server's own words. */
export const FAULTS = [
	"encrypted",
	"encrypted_or_legacy",
	"damaged",
	"no_text_layer",
	"empty",
	"too_large",
	"took_too_long",
	"unsupported_type",
	"missing_language_pack",
	"parser_failed",
	"interrupted",
	"cancelled",
	"duplicate",
	"storage_quota",
	"fetch_failed",
	"address_forbidden",
	"file_missing",
	"no_model",
	"price_unknown",
	"insufficient_credits",
	"budget_exceeded",
	"provider_failed",
	"dimensions_changed",
	"some_skipped",
] as const;
export type Fault = (typeof FAULTS)[number];

export function faultOf(code: string | null): Fault | null {
	return FAULTS.find((f) => f === code) ?? null;
}

/** The kinds of file that can be read. */
export const ACCEPT = ".pdf,.docx,.pptx,.xlsx,.epub,.odt,.html,.htm,.md,.markdown,.txt,.csv,text/*,application/pdf";

/** What a part of a score is called; one that is new here is shown by its own name. */
const SCORES = ["rank", "fused", "cosine", "likeness", "coverage", "lexical"] as const;

export function scoresOf(hit: Hit): { name: string; known: (typeof SCORES)[number] | undefined; value: number }[] {
	const place = (name: string) => (SCORES as readonly string[]).indexOf(name) >>> 0; // what is not known comes last
	return Object.entries(hit.scores)
		.filter((e): e is [string, number] => typeof e[1] === "number")
		.sort(([a], [b]) => place(a) - place(b))
		.map(([name, value]) => ({ name, value, known: SCORES.find((s) => s === name) }));
}

/** A found text in few lines: without the marks that only a whole page needs. */
export function snippet(text: string): string {
	return text
		.replace(/^\|(\s*:?-+:?\s*\|)+\s*$\n?/gm, "")
		.replace(/^#{1,6} /gm, "")
		.replace(/\f/g, "\n")
		.replace(/\n{2,}/g, "\n")
		.trim();
}

/** So many code points of a text are loaded at once. */
export const WINDOW = 20_000;

/** What is loaded first: from the beginning, or from somewhat before the place to somewhat after it. */
export function windowAround(place: { from: number; to: number } | null): { from: number; to: number } {
	if (!place || place.to < WINDOW) return { from: 0, to: WINDOW };
	const from = Math.max(0, place.from - WINDOW / 4);
	return { from, to: Math.max(from + WINDOW, place.to + WINDOW / 4) };
}

/** What the address says: a place, a version, a page; nonsense is passed over. */
export function placeOf(search: string): { place: { from: number; to: number } | null; version: number | undefined; page: number | null } {
	const query = new URLSearchParams(search);
	const number = (name: string) => {
		const value = query.get(name);
		return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : null;
	};
	const from = number("from");
	const to = number("to");
	return { place: from !== null && to !== null && to > from ? { from, to } : null, version: number("version") ?? undefined, page: number("page") };
}

/** The page that a cut of the text begins on: by that of a place in it, or counted from the document's beginning. */
export function pageAt(text: string, from: number, place: { from: number } | null, page: number | null): number {
	if (from === 0 || !place || page === null) return 1;
	const before = [...text].slice(0, place.from - from);
	return Math.max(1, page - before.filter((c) => c === "\f").length);
}

/** How a base is as a whole. */
export function baseState(base: Base): ShownState {
	if (base.documents > base.ready + base.failed || base.index) return "working";
	if (base.documents === 0) return "empty";
	if (base.failed > 0) return base.failed === base.documents ? "failed" : "partial";
	return "ready";
}
