import { useQuery } from "@tanstack/react-query";
import { Pencil, Share2, Trash } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { type Added, type Base, knowledge } from "@/api/knowledge";
import { AddPanel } from "@/components/knowledge/AddPanel";
import { BaseDialog } from "@/components/knowledge/BaseDialog";
import { DocumentList } from "@/components/knowledge/DocumentList";
import { Frame, KNOWLEDGE, LOOK_EVERY_MS, lookAgain, Section } from "@/components/knowledge/parts";
import { Playground } from "@/components/knowledge/Playground";
import { ShareDialog } from "@/components/knowledge/ShareDialog";
import { RowMenu } from "@/components/ui/RowMenu";
import { Failed, Skeleton } from "@/components/ui/State";
import { bytes, count, credits } from "@/lib/format";
import { baseState } from "@/lib/knowledge";
import { toast } from "@/stores/notices";
import { DeleteBase } from "./ListPage";

export function BasePage({ id }: { id: string }) {
	const { t } = useTranslation();
	const [, navigate] = useLocation();
	const [asks, setAsks] = useState<"edit" | "share" | "delete" | null>(null);
	const { data: base, error, refetch } = useQuery({
		queryKey: [...KNOWLEDGE, id],
		queryFn: () => knowledge.get(id),
		refetchInterval: (query) => (query.state.data && baseState(query.state.data) === "working" ? LOOK_EVERY_MS : false),
	});
	const added = ({ document: doc, duplicate }: Added) => {
		if (duplicate) toast("info", t("knowledge.duplicate", { name: doc.title || doc.filename }));
		lookAgain();
	};
	const close = () => setAsks(null);
	return (
		<Frame
			title={base?.name ?? t("knowledge.title")}
			back={t("knowledge.back")}
			backTo="/knowledge"
			tools={
				base?.is_owner && (
					<RowMenu
						label={t("knowledge.actions", { name: base.name })}
						actions={[
							{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setAsks("edit") },
							{ label: t("knowledge.share"), icon: <Share2 size={15} />, run: () => setAsks("share") },
							{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setAsks("delete") },
						]}
					/>
				)
			}
		>
			{error && !base && <Failed error={error} onRetry={() => void refetch()} />}
			{!base && !error && <Skeleton className="h-64" />}
			{base && (
				<>
					<Summary base={base} />
					{base.is_owner && <AddPanel base={id} onAdded={added} />}
					<Section title={t("knowledge.documents")}>
						<DocumentList base={id} mine={base.is_owner} />
					</Section>
					{base.chunks > 0 && (
						<Section title={t("knowledge.try")}>
							<Playground base={id} vectors={base.mode === "hybrid"} />
						</Section>
					)}
					{asks === "edit" && <BaseDialog base={base} onClose={close} />}
					{asks === "share" && <ShareDialog base={base} onClose={close} />}
					{asks === "delete" && <DeleteBase base={base} onClose={close} onDone={() => navigate("/knowledge", { replace: true })} />}
				</>
			)}
		</Frame>
	);
}

function Summary({ base }: { base: Base }) {
	const { t } = useTranslation();
	const { data } = useQuery({ queryKey: [...KNOWLEDGE, base.id, "stats"], queryFn: () => knowledge.stats(base.id) });
	const figures: [string, string][] = [
		[t("knowledge.documents"), count(base.documents)],
		[t("knowledge.chunks"), count(base.chunks)],
		[t("knowledge.vectors"), data ? count(data.vectors) : "–"],
		[t("knowledge.size"), bytes(base.size_bytes)],
	];
	return (
		<div className="flex flex-col gap-3">
			{base.description && <p className="text-sm wrap-anywhere text-soft">{base.description}</p>}
			<dl className="grid grid-cols-2 gap-px overflow-hidden rounded-2xl border border-line bg-line sm:grid-cols-4">
				{figures.map(([name, value]) => (
					<div key={name} className="bg-raised px-4 py-3">
						<dt className="text-xs text-faint">{name}</dt>
						<dd className="text-lg font-medium tabular-nums">{value}</dd>
					</div>
				))}
			</dl>
			<p className="flex flex-wrap gap-x-4 text-xs text-faint tabular-nums">
				<span>{base.embedding_model ? t("knowledge.with_model", { model: base.embedding_model }) : t("knowledge.text_only")}</span>
				{data && data.cost > 0 && <span>{t("knowledge.cost", { credits: credits(data.cost), tokens: count(data.tokens) })}</span>}
				{base.index && <span>{t("knowledge.indexing", { model: base.index.model, done: count(base.index.done), of: count(base.index.documents) })}</span>}
			</p>
		</div>
	);
}
