import { useQuery } from "@tanstack/react-query";
import { BookOpen } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { knowledge } from "@/api/knowledge";
import type { KnowledgeMode } from "@/api/types";
import { Segments, Switch } from "@/components/ui/Field";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { KNOWLEDGE } from "./parts";

export interface Chosen {
	ids: string[];
	mode: KnowledgeMode;
	/** Bases are searched for the question as a model puts it. */
	rewrite: boolean;
}

const MAX = 10;

/** Bases to look into, and when. */
export function BaseChoice({ chosen, onChange }: { chosen: Chosen; onChange: (chosen: Chosen) => void }) {
	const { t } = useTranslation();
	const { data, error, refetch } = useQuery({ queryKey: [...KNOWLEDGE, "bases"], queryFn: () => knowledge.list() });
	if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
	if (!data) return <Skeleton className="h-24" />;
	if (data.items.length === 0)
		return (
			<Empty icon={<BookOpen size={26} />} title={t("knowledge.none")} hint={t("knowledge.none_hint")}>
				<Link href="/knowledge" className="rounded text-sm text-accent hover:underline">
					{t("knowledge.title")}
				</Link>
			</Empty>
		);
	const toggle = (id: string, on: boolean) => onChange({ ...chosen, ids: on ? [...chosen.ids, id] : chosen.ids.filter((x) => x !== id) });
	return (
		<div className="flex flex-col gap-4">
			<fieldset>
				<legend className="sr-only">{t("knowledge.title")}</legend>
				<ul className="flex max-h-72 flex-col overflow-y-auto rounded-xl border border-line">
					{data.items.map((b) => {
						const on = chosen.ids.includes(b.id);
						return (
							<li key={b.id} className="border-line not-first:border-t">
								<label className="flex min-h-12 cursor-pointer items-center gap-3 px-4 py-2 text-sm hover:bg-hover has-disabled:cursor-default has-disabled:opacity-60">
									<input type="checkbox" checked={on} disabled={!on && chosen.ids.length >= MAX} onChange={(e) => toggle(b.id, e.target.checked)} className="size-4.5 shrink-0 accent-accent" />
									<span className="min-w-0 grow">
										<span className="block truncate">{b.name}</span>
										<span className="block truncate text-xs text-faint">{t("knowledge.documents_n", { n: b.documents })}</span>
									</span>
								</label>
							</li>
						);
					})}
				</ul>
			</fieldset>
			<Segments<KnowledgeMode>
				label={t("knowledge.when")}
				value={chosen.mode}
				onChange={(mode) => onChange({ ...chosen, mode })}
				options={(["auto", "always", "off"] as const).map((value) => ({ value, label: t(`knowledge.when_${value}`) }))}
			/>
			<p className="text-xs text-faint">{t(`knowledge.when_${chosen.mode}_hint`)}</p>
			{chosen.mode !== "off" && (
				<div>
					<Switch label={t("knowledge.rewrite")} on={chosen.rewrite} onChange={(rewrite) => onChange({ ...chosen, rewrite })} />
					<p className="pe-14 text-xs text-faint">{t("knowledge.rewrite_hint")}</p>
				</div>
			)}
		</div>
	);
}
