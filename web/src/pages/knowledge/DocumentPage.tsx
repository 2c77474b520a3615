import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearch } from "wouter";
import { type Chunk, type Doc, knowledge } from "@/api/knowledge";
import { attempt, Frame, KEPT, KNOWLEDGE, LOOK_EVERY_MS } from "@/components/knowledge/parts";
import { Original } from "@/components/knowledge/Original";
import { StateTag } from "@/components/knowledge/StateTag";
import { type Place, TextView } from "@/components/knowledge/TextView";
import { Button } from "@/components/ui/Button";
import { Segments } from "@/components/ui/Field";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { saveFile } from "@/lib/download";
import { bytes, count } from "@/lib/format";
import { documentPath, faultOf, inWork, newest, pageAt, placeOf, WINDOW, windowAround } from "@/lib/knowledge";

type View = "text" | "chunks" | "original";

export function DocumentPage({ base, id }: { base: string; id: string }) {
	const { t } = useTranslation();
	const search = useSearch();
	const { place, version, page } = useMemo(() => placeOf(search), [search]);
	const [view, setView] = useState<View>("text");
	const { data: doc, error, refetch } = useQuery({
		queryKey: [...KNOWLEDGE, base, "document", id],
		queryFn: () => knowledge.document(base, id),
		refetchInterval: (query) => (query.state.data && inWork(newest(query.state.data)) ? LOOK_EVERY_MS : false),
	});
	const isPdf = doc?.kind === "pdf";
	const title = doc?.title || doc?.filename || t("knowledge.document");
	return (
		<Frame
			title={title}
			back={t("knowledge.back_to_base")}
			backTo={`/knowledge/${base}`}
			tools={
				doc && (
					<Button className="h-11" icon={<Download size={16} aria-hidden />} onClick={() => void attempt(async () => saveFile(await knowledge.file(base, id), doc.filename || title))}>
						{t("knowledge.download")}
					</Button>
				)
			}
		>
			{error && !doc && <Failed error={error} onRetry={() => void refetch()} />}
			{!doc && !error && <Skeleton className="h-64" />}
			{doc && (
				<>
					<div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
						<p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-faint tabular-nums">
							<StateTag state={doc.state} />
							<span>{bytes(doc.size_bytes)}</span>
							{doc.pages !== null && doc.pages > 0 && <span>{t("knowledge.pages_n", { n: count(doc.pages) })}</span>}
							<span>{t("knowledge.chunks_n", { n: count(doc.chunks) })}</span>
						</p>
						<Segments<View>
							bare
							label={t("knowledge.view")}
							value={view}
							onChange={setView}
							options={[
								{ value: "text", label: t("knowledge.view_text") },
								{ value: "chunks", label: t("knowledge.view_chunks") },
								...(isPdf ? [{ value: "original" as const, label: t("knowledge.view_original") }] : []),
							]}
						/>
					</div>
					{version !== undefined && version !== doc.version && (
						<p className="rounded-lg bg-warn-tint px-3 py-2 text-sm">
							{t("knowledge.old_version", { n: version })}{" "}
							<Link href={documentPath(base, id)} className="text-accent underline">
								{t("knowledge.to_newest")}
							</Link>
						</p>
					)}
					{view === "text" && doc.chars === null && version === undefined && <NoText doc={doc} />}
					{view === "text" && (doc.chars !== null || version !== undefined) && <Text key={`${place?.from}-${version}`} base={base} doc={doc} place={place} page={page} version={version} />}
					{view === "chunks" && <Chunks base={base} doc={doc} onOpen={() => setView("text")} />}
					{view === "original" && <Original base={base} doc={doc} page={page} />}
				</>
			)}
		</Frame>
	);
}

function NoText({ doc }: { doc: Doc }) {
	const { t } = useTranslation();
	const fault = faultOf(doc.code);
	return fault ? <Empty title={t(`knowledge.fault_${fault}`)} hint={t(`knowledge.advice_${fault}`)} /> : <Empty title={t("knowledge.no_text")} />;
}

/** The text, from a window around the place on, earlier and later parts as they are wanted. */
function Text({ base, doc, place, page, version }: { base: string; doc: Doc; place: Place | null; page: number | null; version: number | undefined }) {
	const { t } = useTranslation();
	const query = useInfiniteQuery({
		queryKey: [...KEPT, base, "text", doc.id, version ?? doc.version, place?.from ?? 0],
		initialPageParam: windowAround(place),
		queryFn: ({ pageParam }) => knowledge.text(base, doc.id, { ...pageParam, version }),
		getNextPageParam: (last) => (last.to < last.total ? { from: last.to, to: last.to + WINDOW } : undefined),
		getPreviousPageParam: (first) => (first.from > 0 ? { from: Math.max(0, first.from - WINDOW), to: first.from } : undefined),
		staleTime: Infinity, // of one version the text never changes
	});
	if (query.error && !query.data) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (!query.data) return <Skeleton className="h-64" />;
	const { pages } = query.data;
	const first = pages[0]!;
	const text = pages.map((p) => p.text).join("");
	if (first.total === 0) return <Empty title={t("knowledge.no_text")} />;
	return (
		<article aria-label={t("knowledge.view_text")} className="flex flex-col gap-4 rounded-2xl border border-line bg-raised p-5 sm:p-8">
			{query.hasPreviousPage && (
				<Button className="h-11 self-center" busy={query.isFetchingPreviousPage} onClick={() => void query.fetchPreviousPage()}>
					{t("knowledge.earlier")}
				</Button>
			)}
			<TextView text={text} from={first.from} page={pageAt(text, first.from, place, page)} place={place} />
			{query.hasNextPage && (
				<Button className="h-11 self-center" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
					{t("knowledge.later")}
				</Button>
			)}
		</article>
	);
}

/** How it was cut: each piece with its place, its heading and how many tokens it has. */
function Chunks({ base, doc, onOpen }: { base: string; doc: Doc; onOpen: () => void }) {
	const { t } = useTranslation();
	const query = useInfiniteQuery({
		queryKey: [...KNOWLEDGE, base, "chunks", doc.id, doc.version],
		initialPageParam: undefined as number | undefined,
		queryFn: ({ pageParam }) => knowledge.chunks(base, doc.id, { limit: 50, before_id: pageParam }),
		getNextPageParam: (page) => (page.has_more ? page.items.at(-1)?.id : undefined),
	});
	if (query.error && !query.data) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (!query.data) return <Skeleton className="h-64" />;
	const chunks = query.data.pages.flatMap((p) => p.items);
	if (chunks.length === 0) return <Empty title={t("knowledge.no_chunks")} />;
	return (
		<>
			<ol aria-label={t("knowledge.view_chunks")} className="flex flex-col gap-3">
				{chunks.map((c) => (
					<ChunkCard key={c.id} base={base} doc={doc} chunk={c} onOpen={onOpen} />
				))}
			</ol>
			{query.hasNextPage && (
				<Button className="h-11 self-center" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
					{t("knowledge.more")}
				</Button>
			)}
		</>
	);
}

function ChunkCard({ base, doc, chunk, onOpen }: { base: string; doc: Doc; chunk: Chunk; onOpen: () => void }) {
	const { t } = useTranslation();
	return (
		<li className="flex min-w-0 flex-col gap-2 rounded-2xl border border-line bg-raised p-4">
			<p className="flex flex-wrap items-baseline gap-x-3 text-xs text-faint tabular-nums">
				<Link href={documentPath(base, doc.id, { ...chunk, version: doc.version, page: chunk.page_from })} onClick={onOpen} className="rounded font-medium text-accent hover:underline">
					{t("knowledge.chunk_n", { n: chunk.ord + 1 })}
				</Link>
				{chunk.page_from !== null && <span>{chunk.page_to !== chunk.page_from ? t("knowledge.page_range", { from: chunk.page_from, to: chunk.page_to }) : t("knowledge.page", { page: chunk.page_from })}</span>}
				<span>{t("knowledge.tokens_n", { n: count(chunk.tokens) })}</span>
				{(chunk.state === "waiting" || chunk.state === "skipped") && <span className="text-warn">{t(`knowledge.chunk_${chunk.state}`)}</span>}
				<span>{t("knowledge.points", { from: count(chunk.from), to: count(chunk.to) })}</span>
			</p>
			{chunk.heading && <p className="text-xs wrap-anywhere text-faint">{chunk.heading}</p>}
			<p className="text-sm wrap-anywhere whitespace-pre-wrap text-soft">{chunk.text}</p>
		</li>
	);
}
