/*
 * The ways in which models write formulas, made into the one that the parser is told of: $$ for a formula within a
 * line, $$$ for one on its own. A $ that is money stays as it is.
 *
 * \( \) and \[ \] are taken as LaTeX has them, $ $ by Pandoc's rule (no blank inside the marks, no digit behind the
 * second), $$ $$ and \begin{…} \end{…} as displayed. Code is not looked into.
 */
const OPENING = /(`+)|^ {0,3}(~{3,}|`{3,})[^\n]*$|\\[([]|\\begin\{([a-zA-Z]+\*?)\}|\\.|\$+/gm;
const ENVIRONMENTS = /^(equation|align|alignat|gather|multline|eqnarray|aligned|gathered|cases|[bpvBV]?matrix|split|array)\*?$/;
/** A number and a word behind it, or words in Chinese: prose between two prices. */
const PROSE = /^\d[\d.,]*(?:\s*[-–~]\s*\d[\d.,]*)?\s*(?:$|\/|[a-z]{2,}\s|,\s|;|\p{Script=Han})|[，。；、？！]/iu;

export function normaliseFormulas(text: string): string {
	let out = "";
	let done = 0;
	OPENING.lastIndex = 0;
	for (let m = OPENING.exec(text); m; m = OPENING.exec(text)) {
		const found = formulaAt(text, m);
		if (!found) continue;
		out += text.slice(done, m.index) + (found.tex === null ? text.slice(m.index, found.end) : written(text, m.index, found));
		done = found.end;
		OPENING.lastIndex = found.end;
	}
	return out + text.slice(done);
}

/** What begins at a match: a formula; or (tex null) what is to be passed over; or null: nothing, go on behind the match. */
interface Found {
	end: number;
	tex: string | null;
	display: boolean;
}

function formulaAt(text: string, m: RegExpExecArray): Found | null {
	const [mark, ticks, fence, environment] = m;
	const after = m.index + mark.length;
	if (fence || (ticks && ticks.length >= 3 && startsLine(text, m.index))) return pass(endOfFence(text, m.index, fence ?? ticks!));
	if (ticks) {
		const end = text.indexOf(ticks, after);
		return end < 0 ? null : pass(end + ticks.length);
	}
	if (mark === "\\(") return upTo(text, after, "\\)", false);
	if (mark === "\\[") return upTo(text, after, "\\]", true);
	if (environment) return environmentAt(text, m.index, after, environment);
	if (mark === "$$") return displayAt(text, m.index);
	return mark === "$" ? dollarAt(text, m.index) : null;
}

const pass = (end: number): Found => ({ end, tex: null, display: false });

function startsLine(text: string, at: number): boolean {
	return text.slice(text.lastIndexOf("\n", at - 1) + 1, at).trim() === "";
}

function endOfFence(text: string, at: number, fence: string): number {
	const mark = fence.trim();
	const closing = new RegExp(`^[ \\t>]*${mark[0] === "~" ? "~" : "`"}{${mark.length},}[ \\t]*$`, "gm");
	const line = text.indexOf("\n", at);
	if (line < 0) return text.length;
	closing.lastIndex = line + 1;
	const m = closing.exec(text);
	return m ? m.index + m[0].length : text.length;
}

function upTo(text: string, from: number, closing: string, display: boolean): Found | null {
	const end = text.indexOf(closing, from);
	const tex = text.slice(from, end);
	// Within a line, a paragraph's end ends the hope for it.
	if (end < 0 || tex.trim() === "" || (!display && /\n\s*\n/.test(tex))) return null;
	return { end: end + closing.length, tex, display };
}

function environmentAt(text: string, at: number, after: number, name: string): Found | null {
	const closing = `\\end{${name}}`;
	const end = ENVIRONMENTS.test(name) ? text.indexOf(closing, after) : -1;
	return end < 0 ? null : { end: end + closing.length, tex: text.slice(at, end + closing.length), display: true };
}

function displayAt(text: string, at: number): Found | null {
	const end = text.indexOf("$$", at + 2);
	if (end < 0) return null;
	const tex = text.slice(at + 2, end);
	// A block of its own, as the parser knows it: both marks alone in their lines.
	if (/^[ \t]*\n/.test(tex) && /\n[ \t>]*$/.test(tex) && startsLine(text, at)) return pass(end + 2);
	return tex.trim() === "" ? null : { end: end + 2, tex, display: true };
}

function dollarAt(text: string, at: number): Found | null {
	if (/[\w$]/.test(text[at - 1] ?? "")) return null;
	const m = /^\$([^\s$](?:[^$\n]*[^\s$\\])?)\$(?!\d)/.exec(text.slice(at, at + 1000));
	if (!m || PROSE.test(m[1]!)) return null;
	return { end: at + m[0].length, tex: m[1]!, display: false };
}

function written(text: string, at: number, { tex, display }: Found): string {
	const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
	let one = tex!.replace(/(?<!\\)%[^\n]*/g, "");
	if (/^\s*>/.test(line)) one = one.replace(/\n[ \t]*(?:>[ \t]?)+/g, " ");
	one = one.replace(/\s*\n\s*/g, " ").trim();
	// A table would end its cell at the bar.
	if (/^\s*\|/.test(line)) one = one.replace(/\\\|/g, "\\Vert ").replace(/\|/g, "\\vert ");
	return display ? `$$$${one}$$$` : `$$${one}$$`;
}
