/* Pages and pictures that a model wrote as code: which there are in a conversation, and their versions. */

export type Kind = "html" | "svg";

/** A block of code that can be shown as what it means. */
export interface Piece {
	kind: Kind;
	/** What it calls itself: by this versions are known. "": nothing. */
	title: string;
	source: string;
	/** It has its end. */
	complete: boolean;
}

const OPENS = /^ {0,3}(`{3,}|~{3,})[ \t]*(html|svg|xml)\b/i;

export function kindOfCode(language: string, source: string): Kind | null {
	const name = language.toLowerCase();
	if (name === "html") return "html";
	return name === "svg" || (name === "xml" && /^\s*(<\?xml[^>]*>\s*)?<svg\b/i.test(source)) ? "svg" : null;
}

export function titleOf(source: string): string {
	const found = /<title[^>]*>([^<]*)<\/title>/i.exec(source) ?? /<h1[^>]*>([^<]*)<\/h1>/i.exec(source);
	return (found?.[1] ?? "").replace(/\s+/g, " ").trim().slice(0, 120);
}

/** Those of a text, in its order. */
export function piecesOf(text: string): Piece[] {
	const pieces: Piece[] = [];
	const lines = text.split("\n");
	for (let i = 0; i < lines.length; i++) {
		const begin = /^ {0,3}(`{3,}|~{3,})/.exec(lines[i]!);
		if (!begin) continue;
		const mark = begin[1]!;
		const language = OPENS.exec(lines[i]!)?.[2];
		const ends = new RegExp(`^ {0,3}${mark[0] === "`" ? "`" : "~"}{${mark.length},}[ \t]*$`);
		let end = i + 1;
		while (end < lines.length && !ends.test(lines[end]!)) end++;
		const source = lines.slice(i + 1, end).join("\n");
		const kind = language === undefined ? null : kindOfCode(language, source);
		if (kind) pieces.push({ kind, title: titleOf(source), source, complete: end < lines.length });
		i = end;
	}
	return pieces;
}

/** The versions that `source` is one of, and which: those with its title. What has no title is by itself. */
export function versionsOf(pieces: Piece[], source: string): { versions: Piece[]; at: number } {
	// What is being written grows: it begins with what was there when it was opened.
	const last = [...pieces].reverse();
	const own = last.find((p) => p.source === source) ?? last.find((p) => p.source.startsWith(source));
	if (!own) return { versions: [], at: -1 };
	const versions = own.title === "" ? [own] : pieces.filter((p) => p.kind === own.kind && p.title === own.title);
	return { versions, at: versions.indexOf(own) };
}

/** What is put into the frame. */
export function pageOf({ kind, source, title }: Piece): string {
	if (kind === "html") return source;
	const name = title.replace(/[&<>]/g, "");
	return `<!doctype html><meta charset="utf-8"><title>${name}</title><style>html,body{margin:0;height:100%}body{display:grid;place-items:center;background:#fff}svg{max-width:100%;max-height:100%}</style>${source}`;
}
