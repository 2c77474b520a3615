import { useQuery } from "@tanstack/react-query";
import { BookOpen, Pencil, Plus, Share2, Trash } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { type Base, knowledge } from "@/api/knowledge";
import { BaseDialog } from "@/components/knowledge/BaseDialog";
import { attempt, Frame, KNOWLEDGE, LOOK_EVERY_MS } from "@/components/knowledge/parts";
import { ShareDialog } from "@/components/knowledge/ShareDialog";
import { StateTag } from "@/components/knowledge/StateTag";
import { Button } from "@/components/ui/Button";
import { Confirm } from "@/components/ui/Dialog";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { bytes, count } from "@/lib/format";
import { baseState } from "@/lib/knowledge";
import { RowMenu } from "@/components/ui/RowMenu";

export function ListPage() {
	const { t } = useTranslation();
	const [, navigate] = useLocation();
	const [editing, setEditing] = useState<Base | "new" | null>(null);
	const [sharing, setSharing] = useState<Base | null>(null);
	const [deleting, setDeleting] = useState<Base | null>(null);
	const { data, error, refetch } = useQuery({
		queryKey: [...KNOWLEDGE, "bases"],
		queryFn: () => knowledge.list(),
		refetchInterval: (query) => (query.state.data?.items.some((b) => baseState(b) === "working") ? LOOK_EVERY_MS : false),
	});
	const bases = data?.items ?? [];
	return (
		<Frame
			title={t("knowledge.title")}
			back={t("common.back")}
			backTo="/"
			tools={
				<Button look="solid" className="h-11" icon={<Plus size={16} aria-hidden />} onClick={() => setEditing("new")}>
					{t("knowledge.new")}
				</Button>
			}
		>
			{error && !data && <Failed error={error} onRetry={() => void refetch()} />}
			{!data && !error && <Skeleton className="h-40" />}
			{data && bases.length === 0 && <Empty icon={<BookOpen size={28} />} title={t("knowledge.none")} hint={t("knowledge.none_hint")} />}
			<ul className="grid gap-4 sm:grid-cols-2">
				{bases.map((b) => (
					<BaseCard key={b.id} base={b} onEdit={() => setEditing(b)} onShare={() => setSharing(b)} onDelete={() => setDeleting(b)} />
				))}
			</ul>
			{editing && <BaseDialog base={editing === "new" ? null : editing} onClose={() => setEditing(null)} onMade={(b) => navigate(`/knowledge/${b.id}`)} />}
			{sharing && <ShareDialog base={sharing} onClose={() => setSharing(null)} />}
			{deleting && <DeleteBase base={deleting} onClose={() => setDeleting(null)} />}
		</Frame>
	);
}

function BaseCard({ base, onEdit, onShare, onDelete }: { base: Base; onEdit: () => void; onShare: () => void; onDelete: () => void }) {
	const { t } = useTranslation();
	return (
		<li data-base={base.id} className="relative flex min-w-0 flex-col gap-2 rounded-2xl border border-line bg-raised p-4 transition-colors focus-within:border-line-strong hover:border-line-strong">
			<div className="flex items-start gap-2">
				<h2 className="min-w-0 grow pt-1.5 font-medium break-words">
					{/* The whole card is the link; what else it has lies above it. */}
					<Link href={`/knowledge/${base.id}`} className="after:absolute after:inset-0 after:rounded-2xl focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:outline-accent">
						{base.name}
					</Link>
				</h2>
				{base.is_owner && (
					<div className="relative z-10">
						<RowMenu
							label={t("knowledge.actions", { name: base.name })}
							actions={[
								{ label: t("common.edit"), icon: <Pencil size={15} />, run: onEdit },
								{ label: t("knowledge.share"), icon: <Share2 size={15} />, run: onShare },
								{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: onDelete },
							]}
						/>
					</div>
				)}
			</div>
			{base.description && <p className="line-clamp-2 text-sm break-words text-soft">{base.description}</p>}
			<p className="mt-auto flex flex-wrap items-center gap-x-3 gap-y-1 pt-1 text-xs text-faint tabular-nums">
				<span>{t("knowledge.documents_n", { n: count(base.documents) })}</span>
				<span>{t("knowledge.chunks_n", { n: count(base.chunks) })}</span>
				<span>{bytes(base.size_bytes)}</span>
				<StateTag state={baseState(base)} />
				{!base.is_owner && <span>{t("knowledge.shared_by", { name: base.owner ?? "" })}</span>}
				{base.share && (base.share.everyone || base.share.groups.length + base.share.users.length > 0) && <span>{t("knowledge.is_shared")}</span>}
			</p>
		</li>
	);
}

export function DeleteBase({ base, onClose, onDone }: { base: Base; onClose: () => void; onDone?: () => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const confirm = async () => {
		setBusy(true);
		if (await attempt(() => knowledge.remove(base.id))) onDone?.();
		onClose();
	};
	return <Confirm title={t("knowledge.delete_title", { name: base.name })} text={t("knowledge.delete_text")} action={t("common.delete")} busy={busy} onConfirm={() => void confirm()} onClose={onClose} />;
}
