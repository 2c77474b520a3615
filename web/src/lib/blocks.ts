/*
 * Cuts Markdown into pieces that can be drawn one by one. An answer grows at
 * its end: with the pieces remembered, only the last is parsed again, however
 * long the answer is.
 *
 * A cut is made at a blank line where nothing reaches across it: not in a code
 * fence, a formula or <details>, not before a list item or an indented line, which may
 * belong to the list above. Text with reference definitions or footnotes stays
 * in one piece, because those act at a distance.
 */
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const CONTINUES = /^(\s|[-*+]\s|\d{1,9}[.)]\s|<|\|)/;
const DEFINITION = /^ {0,3}\[[^\]]+\]:/m;

export function splitBlocks(text: string): string[] {
	if (DEFINITION.test(text)) return [text];
	const blocks: string[] = [];
	let start = 0;
	let at = 0;
	let fence: string | null = null;
	/** What ends the formula that is open. */
	let math: string | null = null;
	let details = 0;
	let blank = false;

	while (at < text.length) {
		const end = text.indexOf("\n", at);
		const next = end < 0 ? text.length : end + 1;
		const line = text.slice(at, end < 0 ? text.length : end);
		if (blank && fence === null && math === null && details <= 0 && line.trim() !== "" && !CONTINUES.test(line)) {
			blocks.push(text.slice(start, at));
			start = at;
		}
		const mark = FENCE.exec(line)?.[1];
		if (fence !== null) {
			if (mark && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark) fence = null;
		} else if (mark) {
			fence = mark;
		} else if (math !== null) {
			if (line.includes(math)) math = null;
		} else {
			math = opens(line);
			details += (line.match(/<details\b/gi)?.length ?? 0) - (line.match(/<\/details>/gi)?.length ?? 0);
		}
		blank = line.trim() === "";
		at = next;
	}
	if (start < text.length) blocks.push(text.slice(start));
	return blocks;
}

/** The mark that ends the displayed formula that a line begins and does not end itself. */
function opens(line: string): string | null {
	const mark = /^[\s>]*(?:[-*+]\s+|\d{1,9}[.)]\s+)?(\$\$|\\\[)/.exec(line)?.[1];
	if (!mark) return null;
	const closing = mark === "$$" ? mark : "\\]";
	return line.indexOf(closing, line.indexOf(mark) + 2) >= 0 ? null : closing;
}
