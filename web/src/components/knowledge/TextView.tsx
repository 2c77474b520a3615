import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { blocksOf, type CanonicalBlock, cut, type Piece } from "@/lib/canonical";

export interface Place {
	from: number;
	to: number;
}

interface Props {
	text: string;
	/** Where `text` begins in the document, in code points; and on which page. */
	from: number;
	page: number;
	/** The passage to be shown, if any. */
	place: Place | null;
}

/** The stored text, with the passage marked and brought into view. */
export function TextView({ text, from, page, place }: Props) {
	const box = useRef<HTMLDivElement>(null);
	const blocks = useMemo(() => blocksOf(text, from, page), [text, from, page]);
	const { t } = useTranslation();
	useEffect(() => {
		box.current?.querySelector("mark")?.scrollIntoView({ block: "center" });
	}, [place?.from, place?.to]);
	return (
		<div ref={box} className="prose min-w-0">
			<div>
				{blocks.map((block, i) => (
					<Block key={i} block={block} place={place} pageWord={(n) => t("knowledge.page", { page: n })} />
				))}
			</div>
		</div>
	);
}

function Block({ block, place, pageWord }: { block: CanonicalBlock; place: Place | null; pageWord: (n: number) => string }) {
	const marked = (piece: Piece) => <Marked piece={piece} place={place} />;
	switch (block.kind) {
		case "page":
			return (
				<div role="separator" aria-label={pageWord(block.page)} className="flex items-center gap-3 py-2 text-xs text-faint">
					<span className="h-px grow bg-line" />
					{pageWord(block.page)}
					<span className="h-px grow bg-line" />
				</div>
			);
		case "heading":
			return <Heading level={block.level}>{marked(block.piece)}</Heading>;
		case "table":
			return (
				<div tabIndex={0} role="group" className="w-fit max-w-full overflow-x-auto rounded-xl border border-line">
					<table>
						{block.hasHead && <thead>{row(block.rows[0]!, true, marked)}</thead>}
						<tbody>{block.rows.slice(block.hasHead ? 1 : 0).map((cells, i) => row(cells, false, marked, i))}</tbody>
					</table>
				</div>
			);
		case "code":
			return (
				<pre tabIndex={0} className="overflow-x-auto rounded-xl border border-line bg-code p-4 font-mono text-sm leading-relaxed">
					{marked(block.piece)}
				</pre>
			);
		case "item":
			return (
				<ul>
					<li>{marked(block.piece)}</li>
				</ul>
			);
		case "text":
			return <p className="whitespace-pre-wrap">{marked(block.piece)}</p>;
	}
}

/** A document's headings are below those of the page around it. */
function Heading({ level, children }: { level: number; children: ReactNode }) {
	if (level <= 1) return <h3 className="text-lg">{children}</h3>;
	if (level === 2) return <h4>{children}</h4>;
	return <h5>{children}</h5>;
}

function row(cells: Piece[], head: boolean, marked: (piece: Piece) => ReactNode, key?: number) {
	return <tr key={key}>{cells.map((cell, i) => (head ? <th key={i}>{marked(cell)}</th> : <td key={i}>{marked(cell)}</td>))}</tr>;
}

function Marked({ piece, place }: { piece: Piece; place: Place | null }) {
	if (!place) return <>{piece.text}</>;
	const [before, within, after] = cut(piece, place.from, place.to);
	return (
		<>
			{before}
			{within && <mark className="rounded-xs border-b-2 border-warn bg-warn-tint text-ink">{within}</mark>}
			{after}
		</>
	);
}
