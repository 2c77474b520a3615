/*
 * Tables, footnotes, struck words, tasks and bare addresses, as remark-gfm reads them. It is not used itself, because it
 * brings what writes Markdown as well.
 */
import { gfmAutolinkLiteralFromMarkdown } from "mdast-util-gfm-autolink-literal";
import { gfmFootnoteFromMarkdown } from "mdast-util-gfm-footnote";
import { gfmStrikethroughFromMarkdown } from "mdast-util-gfm-strikethrough";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTaskListItemFromMarkdown } from "mdast-util-gfm-task-list-item";
import { gfm } from "micromark-extension-gfm";
import type { Processor } from "unified";

const fromMarkdown = [
	gfmAutolinkLiteralFromMarkdown(),
	gfmFootnoteFromMarkdown(),
	gfmStrikethroughFromMarkdown(),
	gfmTableFromMarkdown(),
	gfmTaskListItemFromMarkdown(),
];

export function readGfm(this: Processor) {
	const data = this.data() as { micromarkExtensions?: unknown[]; fromMarkdownExtensions?: unknown[] };
	(data.micromarkExtensions ??= []).push(gfm());
	(data.fromMarkdownExtensions ??= []).push(fromMarkdown);
}
