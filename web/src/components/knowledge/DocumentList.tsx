import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { Ban, FileText, KeyRound, Replace, RotateCcw, Trash } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { type Doc, knowledge, type Version } from "@/api/knowledge";
import type { List } from "@/api/types";
import { Button } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Input } from "@/components/ui/Field";
import { type RowAction, RowMenu } from "@/components/ui/RowMenu";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { bytes, count } from "@/lib/format";
import { ACCEPT, documentPath, faultOf, inWork, newest } from "@/lib/knowledge";
import { attempt, KNOWLEDGE, LOOK_EVERY_MS, Problem, useSave } from "./parts";
import { StateTag } from "./StateTag";

const PAGE = 50;

export function DocumentList({ base, mine }: { base: string; mine: boolean }) {
	const { t } = useTranslation();
	const query = useInfiniteQuery({
		queryKey: [...KNOWLEDGE, base, "documents"],
		initialPageParam: undefined as string | undefined,
		queryFn: ({ pageParam }) => knowledge.documents(base, { limit: PAGE, before_id: pageParam }),
		getNextPageParam: (page: List<Doc>) => (page.has_more ? page.items.at(-1)?.id : undefined),
		refetchInterval: (q) => ((q.state.data as InfiniteData<List<Doc>> | undefined)?.pages.some((p) => p.items.some((d) => inWork(newest(d)))) ? LOOK_EVERY_MS : false),
	});
	if (query.error && !query.data) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (!query.data) return <Skeleton className="h-40" />;
	const docs = query.data.pages.flatMap((p) => p.items);
	if (docs.length === 0) return <Empty icon={<FileText size={26} />} title={t("knowledge.no_documents")} hint={mine ? t("knowledge.no_documents_hint") : undefined} />;
	return (
		<>
			<ul aria-label={t("knowledge.documents")} className="flex flex-col divide-y divide-line rounded-2xl border border-line bg-raised">
				{docs.map((d) => (
					<Row key={d.id} base={base} doc={d} mine={mine} />
				))}
			</ul>
			{query.hasNextPage && (
				<Button busy={query.isFetchingNextPage} className="h-11 self-start" onClick={() => void query.fetchNextPage()}>
					{t("knowledge.more")}
				</Button>
			)}
		</>
	);
}

function Row({ base, doc, mine }: { base: string; doc: Doc; mine: boolean }) {
	const [asks, setAsks] = useState<"password" | "delete" | null>(null);
	const file = useRef<HTMLInputElement>(null);
	const { t } = useTranslation();
	const now = newest(doc);
	const works = inWork(now);
	const needsPassword = now.code === "encrypted";
	const name = doc.title || doc.filename || doc.source_url || "";
	const actions: RowAction[] = [
		...(works ? [{ label: t("knowledge.cancel"), icon: <Ban size={15} />, run: () => void attempt(() => knowledge.cancel(base, doc.id)) }] : []),
		...(now.state === "failed" || now.skipped > 0 ? [{ label: t("common.retry"), icon: <RotateCcw size={15} />, run: () => (needsPassword ? setAsks("password") : void attempt(() => knowledge.retry(base, doc.id))) }] : []),
		{ label: t("knowledge.replace"), icon: <Replace size={15} />, run: () => file.current?.click() },
		{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setAsks("delete") },
	];
	return (
		<li data-document={doc.id} data-state={now.state} className="flex min-w-0 items-start gap-3 px-4 py-3">
			<div className="min-w-0 grow">
				<div className="flex flex-wrap items-center gap-x-3 gap-y-1">
					<Link href={documentPath(base, doc.id)} className="min-w-0 rounded py-1.5 font-medium wrap-anywhere hover:underline">
						{name}
					</Link>
					<StateTag state={now.state} />
				</div>
				<p className="flex flex-wrap gap-x-3 text-xs text-faint tabular-nums">
					{doc.title && doc.filename && doc.title !== doc.filename && <span className="max-w-full truncate">{doc.filename}</span>}
					<span>{bytes(doc.size_bytes)}</span>
					{doc.pages !== null && doc.pages > 0 && <span>{t("knowledge.pages_n", { n: count(doc.pages) })}</span>}
					{doc.chunks > 0 && <span>{t("knowledge.chunks_n", { n: count(doc.chunks) })}</span>}
					{doc.skipped > 0 && <span className="text-warn">{t("knowledge.skipped_n", { n: count(doc.skipped) })}</span>}
					{doc.version > 1 && <span>{t("knowledge.version_n", { n: doc.version })}</span>}
					{doc.next && <span>{t("knowledge.next_n", { n: doc.next.version })}</span>}
				</p>
				{works && (
					<div className="mt-2 flex items-center gap-3">
						<div role="progressbar" aria-label={t("knowledge.progress", { name })} aria-valuenow={now.progress} aria-valuemin={0} aria-valuemax={100} className="h-1.5 min-w-0 grow overflow-hidden rounded-full bg-hover">
							<div className="h-full rounded-full bg-accent transition-[width] duration-700" style={{ width: `${Math.max(3, now.progress)}%` }} />
						</div>
						<span className="w-10 shrink-0 text-end text-xs text-faint tabular-nums">{now.progress}%</span>
					</div>
				)}
				{now.code && <Fault of={now} onPassword={mine && needsPassword ? () => setAsks("password") : null} />}
			</div>
			{mine && <RowMenu label={t("knowledge.actions", { name })} actions={actions} />}
			<input
				ref={file}
				type="file"
				hidden
				accept={ACCEPT}
				onChange={(e) => {
					const chosen = e.target.files?.[0];
					e.target.value = "";
					if (chosen) void attempt(() => knowledge.replace(base, doc.id, chosen));
				}}
			/>
			{asks === "password" && <PasswordDialog base={base} doc={doc} onClose={() => setAsks(null)} />}
			{asks === "delete" && <DeleteDialog base={base} doc={doc} onClose={() => setAsks(null)} />}
		</li>
	);
}

/** What went wrong, in words, and what can be done about it. */
function Fault({ of, onPassword }: { of: Version; onPassword: (() => void) | null }) {
	const { t } = useTranslation();
	const fault = faultOf(of.code);
	const failed = of.state === "failed";
	return (
		<div className={`mt-2 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg px-3 py-2 text-sm ${failed ? "bg-danger-tint" : "bg-warn-tint"}`}>
			<div className="min-w-0 grow">
				<p className="font-medium">{fault ? t(`knowledge.fault_${fault}`) : (of.message ?? t("knowledge.fault_other", { code: of.code ?? "" }))}</p>
				{fault && <p className="text-soft">{t(`knowledge.advice_${fault}`)}</p>}
			</div>
			{onPassword && (
				<Button icon={<KeyRound size={15} aria-hidden />} className="max-sm:h-11" onClick={onPassword}>
					{t("knowledge.enter_password")}
				</Button>
			)}
		</div>
	);
}

function PasswordDialog({ base, doc, onClose }: { base: string; doc: Doc; onClose: () => void }) {
	const [password, setPassword] = useState("");
	const { t } = useTranslation();
	const { busy, problem, submit } = useSave(() => knowledge.retry(base, doc.id, { password }), onClose);
	return (
		<Dialog title={doc.title || doc.filename} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-4">
				<Input autoFocus required type="password" autoComplete="off" maxLength={200} label={t("knowledge.password")} hint={t("knowledge.password_hint")} value={password} onChange={(e) => setPassword(e.target.value)} />
				<Problem text={problem} />
				<Button type="submit" look="solid" busy={busy} disabled={password === ""} className="self-end">
					{t("common.retry")}
				</Button>
			</form>
		</Dialog>
	);
}

function DeleteDialog({ base, doc, onClose }: { base: string; doc: Doc; onClose: () => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const confirm = async () => {
		setBusy(true);
		await attempt(() => knowledge.removeDocument(base, doc.id));
		onClose();
	};
	return <Confirm title={t("knowledge.delete_title", { name: doc.title || doc.filename })} text={t("knowledge.delete_doc_text")} action={t("common.delete")} busy={busy} onConfirm={() => void confirm()} onClose={onClose} />;
}
