/* An answer that has sources: its marks [1] become chips that show and open them, and the sources stand below it. */
import { BookOpen } from "lucide-react";
import { createContext, useCallback, useContext, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { Citation, Message } from "@/api/types";
import { type Extension, Markdown } from "@/components/markdown/Markdown";
import { Popover } from "@/components/ui/Menu";
import { citeMarks } from "@/lib/cite";
import { documentPath } from "@/lib/knowledge";

const Sources = createContext<Citation[]>([]);

const EXTRA: Extension = {
	after: [citeMarks],
	components: { cite: ({ node }) => <Chip n={Number(node?.properties.dataN)} /> },
};

export default function Cited({ message }: { message: Message }) {
	const { citations } = message;
	const sources = citations.filter((c, i) => citations.findIndex((x) => x.n === c.n) === i);
	const { t } = useTranslation();
	return (
		<Sources.Provider value={citations}>
			<Markdown text={message.content} extra={EXTRA} />
			<section aria-label={t("knowledge.sources")} className="mt-3">
				<p aria-hidden className="flex items-center gap-1.5 pb-1.5 text-xs text-faint">
					<BookOpen size={13} />
					{t("knowledge.sources")}
				</p>
				<ol className="flex flex-wrap gap-2">
					{sources.map((c) => (
						<li key={c.n} className="max-w-full">
							<Link href={pathOf(c)} className="flex min-h-9 max-w-full items-center gap-2 rounded-lg border border-line bg-raised px-2.5 text-xs text-soft transition-colors hover:bg-hover hover:text-ink">
								<span className="shrink-0 font-medium text-accent tabular-nums">{c.n}</span>
								<span className="truncate">{c.title}</span>
								{c.page ? <span className="shrink-0 text-faint">{t("knowledge.page", { page: c.page })}</span> : null}
							</Link>
						</li>
					))}
				</ol>
			</section>
		</Sources.Provider>
	);
}

function pathOf(c: Citation): string {
	return documentPath(c.knowledge_id, c.document_id, { from: c.c0, to: c.c1, version: c.version, page: c.page });
}

function Chip({ n }: { n: number }) {
	// A source may be cited in several places.
	const places = useContext(Sources).filter((c) => c.n === n);
	const citation = places[0];
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const close = useCallback(() => setOpen(false), []);
	const { t } = useTranslation();
	if (!citation) return <>[{n}]</>;
	return (
		<>
			<button
				ref={button}
				type="button"
				data-cite={n}
				aria-haspopup="dialog"
				aria-expanded={open}
				aria-label={t("knowledge.source_n", { n, title: citation.title })}
				onClick={() => setOpen(!open)}
				className="mx-0.5 inline-flex h-5 min-w-5 items-center justify-center rounded-md bg-tint px-1 align-[0.15em] text-xs font-medium text-accent tabular-nums transition-colors hover:bg-accent hover:text-on-accent"
			>
				{n}
			</button>
			{open && (
				<Popover anchor={button.current!} role="dialog" label={t("knowledge.source_n", { n, title: citation.title })} above onClose={close} className="w-88 p-4">
					<p className="text-sm font-medium wrap-anywhere">{citation.title}</p>
					{places.map((c) => (
						<div key={c.c0} className="pt-3">
							<blockquote className="line-clamp-8 border-s-2 border-line ps-3 text-sm wrap-anywhere whitespace-pre-wrap text-soft">{c.quote}</blockquote>
							<p className="flex flex-wrap items-center gap-x-3 text-sm">
								<Link href={pathOf(c)} className="inline-flex min-h-9 items-center rounded font-medium text-accent hover:underline">
									{t("knowledge.open_place")}
								</Link>
								{c.page ? <span className="text-xs text-faint">{t("knowledge.page", { page: c.page })}</span> : null}
							</p>
						</div>
					))}
				</Popover>
			)}
		</>
	);
}
