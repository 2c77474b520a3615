import { Search } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { type Found, type Hit, knowledge, type SearchMode } from "@/api/knowledge";
import { Button } from "@/components/ui/Button";
import { Input, Segments, Select, Switch } from "@/components/ui/Field";
import { Empty } from "@/components/ui/State";
import { cx } from "@/lib/cx";
import { explain } from "@/lib/explain";
import { credits } from "@/lib/format";
import { documentPath, scoresOf, snippet } from "@/lib/knowledge";
import { Problem } from "./parts";

/** What would be found: the same search that a chat makes, with its scores. */
export function Playground({ base, vectors }: { base: string; vectors: boolean }) {
	const [query, setQuery] = useState("");
	const [mode, setMode] = useState<SearchMode>(vectors ? "hybrid" : "text");
	const [topK, setTopK] = useState("8");
	const [busy, setBusy] = useState(false);
	const [rerank, setRerank] = useState(false);
	const [found, setFound] = useState<Found | null>(null);
	const [problem, setProblem] = useState<string | null>(null);
	const { t } = useTranslation();
	const search = async (e: FormEvent) => {
		e.preventDefault();
		if (busy || query.trim() === "") return;
		setBusy(true);
		setProblem(null);
		try {
			setFound(await knowledge.search(base, { query: query.trim(), mode, top_k: Number(topK), rerank }));
		} catch (error) {
			const { text, detail } = explain(error);
			setProblem(detail ? `${text} ${detail}` : text);
		}
		setBusy(false);
	};
	return (
		<div className="flex flex-col gap-4">
			<form role="search" onSubmit={(e) => void search(e)} className="flex flex-col gap-3 rounded-2xl border border-line bg-raised p-4">
				<div className="flex items-end gap-2">
					<div className="min-w-0 grow">
						<Input bare type="search" className="h-11!" maxLength={2000} label={t("knowledge.query")} placeholder={t("knowledge.query")} value={query} onChange={(e) => setQuery(e.target.value)} />
					</div>
					<Button type="submit" look="solid" busy={busy} disabled={query.trim() === ""} icon={<Search size={16} aria-hidden />} className="h-11">
						{t("knowledge.search")}
					</Button>
				</div>
				<div className="flex flex-wrap items-center gap-x-6 gap-y-2">
					<Segments<SearchMode>
						label={t("knowledge.mode")}
						value={mode}
						onChange={setMode}
						options={[
							...(vectors ? [{ value: "hybrid" as const, label: t("knowledge.mode_hybrid") }, { value: "vector" as const, label: t("knowledge.mode_vector") }] : []),
							{ value: "text" as const, label: t("knowledge.mode_text") },
						]}
					/>
					<div className="flex items-center gap-2 text-sm">
						<span aria-hidden>{t("knowledge.top_k")}</span>
						<div className="w-20">
							<Select bare label={t("knowledge.top_k")} value={topK} onChange={(e) => setTopK(e.target.value)}>
								{["3", "5", "8", "20"].map((n) => (
									<option key={n}>{n}</option>
								))}
							</Select>
						</div>
					</div>
				</div>
				<Switch label={t("knowledge.rerank")} on={rerank} onChange={setRerank} />
				<p className="text-xs text-faint">{t(`knowledge.mode_${mode}_hint`)}</p>
			</form>
			<Problem text={problem} />
			<div role="status" className="contents">
				{found && mode !== "text" && found.vectors !== "used" && found.vectors !== "not_wanted" && <p className="text-sm text-warn">{t("knowledge.without_vectors")}</p>}
				{found?.rank && found.rank !== "used" && <p className="text-sm text-warn">{t("knowledge.without_rank")}</p>}
				{found && found.usage.credits > 0 && <p className="text-xs text-faint tabular-nums">{t("knowledge.search_cost", { credits: credits(found.usage.credits) })}</p>}
				{found && found.items.length === 0 && <Empty title={t("knowledge.nothing_found")} hint={t("knowledge.nothing_found_hint")} />}
			</div>
			{found && found.items.length > 0 && (
				<ol aria-label={t("knowledge.hits")} className="flex flex-col gap-3">
					{found.items.map((hit) => (
						<HitCard key={hit.chunk_id} base={base} hit={hit} />
					))}
				</ol>
			)}
		</div>
	);
}

function HitCard({ base, hit }: { base: string; hit: Hit }) {
	const { t } = useTranslation();
	const scores = scoresOf(hit);
	return (
		<li data-hit={hit.chunk_id} className="flex min-w-0 flex-col gap-2 rounded-2xl border border-line bg-raised p-4">
			<div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
				<Link href={documentPath(base, hit.document_id, hit)} className="min-w-0 rounded font-medium wrap-anywhere text-accent hover:underline">
					{hit.title}
				</Link>
				<span className="text-xs text-faint tabular-nums">
					{hit.page ? `${t("knowledge.page", { page: hit.page })} · ` : ""}
					{t("knowledge.score", { score: hit.score.toFixed(3) })}
				</span>
			</div>
			{hit.heading && hit.heading !== hit.title && <p className="text-xs wrap-anywhere text-faint">{hit.heading}</p>}
			<p className="line-clamp-6 text-sm wrap-anywhere whitespace-pre-wrap text-soft">{snippet(hit.text)}</p>
			<dl className="grid gap-x-6 gap-y-1 text-xs text-faint sm:grid-cols-2">
				{scores.map(({ name, value, known }) => (
					<div key={name} title={known ? t(`knowledge.score_${known}_hint`) : undefined} className="flex items-center gap-2">
						<dt className="w-24 shrink-0 truncate">{known ? t(`knowledge.score_${known}`) : name}</dt>
						<dd className="flex min-w-0 grow items-center gap-2 tabular-nums">
							<span aria-hidden className={cx("h-1 grow overflow-hidden rounded-full bg-hover", known === "lexical" && "invisible")}>
								<span className="block h-full rounded-full bg-accent" style={{ width: `${Math.round(100 * Math.min(1, Math.max(0, value)))}%` }} />
							</span>
							{value.toFixed(3)}
						</dd>
					</div>
				))}
			</dl>
		</li>
	);
}
