import { FileUp, ShieldAlert, ShieldCheck, X } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useSearch } from "wouter";
import type { Leaks, SecurityEvent } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choice";
import { Segments, TextArea } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { count, dateTime } from "@/lib/format";
import { detailText, KINDS } from "@/lib/security";
import { keys, queryClient } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { toast } from "@/stores/notices";
import { AreaHead, type Column, FormDialog, Loading, Table, Tag, Wide } from "./parts";
import { UserName } from "./UserName";

type Open = "yes" | "no" | "all";
const LEAKS_MAX_BYTES = 1024 * 1024;
/** What a phone has no room for stands in the first cell there. */
const WIDE = "hidden @3xl:table-cell";
/** It looks again while the page is seen. */
const LIVE_MS = 15_000;

const reread = () => queryClient.invalidateQueries({ queryKey: keys.admin("security") });

/** What was odd about the use of API keys. */
export default function SecurityArea() {
	const key = new URLSearchParams(useSearch()).get("key") ?? "";
	const [, navigate] = useLocation();
	const [kind, setKind] = useState("");
	const [open, setOpen] = useState<Open>("yes");
	const [resolving, setResolving] = useState<SecurityEvent | null>(null);
	const [importing, setImporting] = useState(false);
	const { query, items: events } = usePaged<SecurityEvent>(
		keys.admin("security", kind, open, key),
		(ask) => admin.securityEvents({ kind, open: open === "all" ? "" : open, key_id: key, ...ask }),
		{ every_ms: LIVE_MS },
	);
	const { t } = useTranslation();
	const columns: Column<SecurityEvent>[] = [
		{
			name: "kind", sort: "kind", 
			head: t("security.kind"),
			value: (e) => t(`security.${e.kind}`),
			cell: (e) => (
				<>
					<p className="flex flex-wrap items-center gap-2 font-medium">
						<ShieldAlert size={15} aria-hidden className={e.action === "lock" ? "text-danger" : "text-warn"} />
						{t(`security.${e.kind}`)}
						<Tag tone={e.action === "lock" ? "off" : "plain"}>{t(e.action === "lock" ? "security.action_lock" : "security.action_tell")}</Tag>
					</p>
					<p className="mt-1 max-w-96 text-xs break-words text-soft">{detailText(t, e)}</p>
					<div className="mt-1 text-xs text-faint @3xl:hidden">
						<KeyOf of={e} />
						<p>
							<UserName id={e.user_id} /> · {dateTime(e.created_at)}
						</p>
					</div>
				</>
			),
		},
		{ name: "key", head: t("security.key"), value: (e) => e.key_name, wide: WIDE, cell: (e) => <KeyOf of={e} /> },
		{ name: "owner", head: t("security.owner"), wide: WIDE, className: "max-w-48 truncate", cell: (e) => <UserName id={e.user_id} /> },
		{ name: "when", sort: "created_at", head: t("security.when"), value: (e) => e.created_at, wide: WIDE, className: "whitespace-nowrap text-faint", cell: (e) => dateTime(e.created_at) },
		{
			name: "state", sort: "resolved_at", 
			head: t("security.state"),
			end: true,
			value: (e) => t(e.resolved_at === null ? "security.open" : "security.resolved"),
			cell: (e) =>
				e.resolved_at === null ? (
					<Button small onClick={() => setResolving(e)}>
						{t("security.resolve")}
					</Button>
				) : (
					<>
						<Tag tone="ok">{t("security.resolved")}</Tag>
						{e.note !== null && <p className="mt-1 ms-auto max-w-48 text-xs break-words text-faint">{e.note}</p>}
					</>
				),
		},
	];
	return (
		<div className="@container">
			<AreaHead title={t("security.events")}>
				{key !== "" && (
					<Button icon={<X size={15} aria-hidden />} onClick={() => navigate("/admin/security")}>
						{t("security.only_key")}
					</Button>
				)}
				<Segments<Open>
					bare
					label={t("security.state")}
					value={open}
					onChange={setOpen}
					options={[
						{ value: "yes", label: t("security.open") },
						{ value: "no", label: t("security.resolved") },
						{ value: "all", label: t("security.all") },
					]}
				/>
				<Choice label={t("security.kind")} all={t("security.any_kind")} value={kind} onChange={setKind} options={KINDS.map((k) => ({ value: k, label: t(`security.${k}`) }))} />
				<Button medium icon={<FileUp size={15} aria-hidden />} onClick={() => setImporting(true)}>
					{t("security.leaks")}
				</Button>
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && events.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && events.length === 0 && <Empty icon={<ShieldCheck size={26} />} title={t("security.no_events")} hint={t("security.no_events_hint")} />}
			{events.length > 0 && (
				<Table tight label={t("security.events")} rows={events} columns={columns} rowKey={(e) => e.id} rowClass={() => "align-top"} file="security-events.csv" more={query} stale={query.isPlaceholderData} />
			)}
			{resolving && <ResolveDialog event={resolving} onClose={() => setResolving(null)} />}
			{importing && <LeaksDialog onClose={() => setImporting(false)} />}
		</div>
	);
}

function KeyOf({ of: e }: { of: SecurityEvent }) {
	return (
		<>
			<p className="max-w-48 truncate">{e.key_name ?? "–"}</p>
			<p className="font-mono text-xs text-faint">{e.key_prefix}…</p>
		</>
	);
}

function ResolveDialog({ event, onClose }: { event: SecurityEvent; onClose: () => void }) {
	const [note, setNote] = useState("");
	const { t } = useTranslation();
	const save = async () => {
		await admin.resolveEvent(event.id, note.trim());
		void reread();
	};
	return (
		<FormDialog title={t(`security.${event.kind}`)} save={save} action={t("security.resolve")} onClose={onClose}>
			<Wide>
				<p className="mb-4 text-sm break-words text-soft">{detailText(t, event)}</p>
				<TextArea autoFocus label={t("security.note")} value={note} maxLength={1000} onChange={(e) => setNote(e.target.value)} />
			</Wide>
		</FormDialog>
	);
}

function LeaksDialog({ onClose }: { onClose: () => void }) {
	const [list, setList] = useState("");
	const file = useRef<HTMLInputElement>(null);
	const { t } = useTranslation();
	const size = new Blob([list]).size;
	const tell = ({ seen, known, locked }: Leaks) => toast(locked > 0 ? "warn" : "ok", t("security.leaks_done", { seen: count(seen), known: count(known), locked: count(locked) }));
	const save = async () => {
		tell(await admin.leaks(new Blob([list], { type: "text/plain" })));
		void reread();
		void queryClient.invalidateQueries({ queryKey: keys.admin("keys") });
	};
	return (
		<FormDialog title={t("security.leaks")} save={save} action={t("security.leaks_lock")} valid={list.trim() !== "" && size <= LEAKS_MAX_BYTES} onClose={onClose}>
			<Wide>
				<p className="mb-4 text-sm text-soft">{t("security.leaks_text")}</p>
				<TextArea autoFocus rows={8} spellCheck={false} label={t("security.leaks_list")} value={list} onChange={(e) => setList(e.target.value)} className="font-mono text-xs" />
				<input ref={file} type="file" aria-label={t("security.leaks_file")} hidden onChange={(e) => void e.target.files?.[0]?.text().then(setList)} />
				<Button medium icon={<FileUp size={15} aria-hidden />} onClick={() => file.current?.click()} className="mt-3">
					{t("security.leaks_file")}
				</Button>
			</Wide>
		</FormDialog>
	);
}
