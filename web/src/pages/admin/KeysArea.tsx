import { KeySquare, Lock, LockOpen, ScrollText, ShieldAlert } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { AdminKey } from "@/api/types";
import { admin } from "@/api/weir";
import { Choice } from "@/components/ui/Choice";
import { CsvButton } from "@/components/ui/CsvButton";
import { Input } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { count, credits, dateTime } from "@/lib/format";
import { reasonText } from "@/lib/security";
import { keys, queryClient } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { AreaHead, attempt, type Column, FormDialog, Loading, Table, Tag, Wide } from "./parts";
import { RowMenu } from "@/components/ui/RowMenu";

const STATUSES = ["active", "rotated", "expired", "revoked", "locked"] as const;
/** What a phone has no room for stands in the first cell there. */
const WIDE = "hidden @3xl:table-cell";

const reread = () => queryClient.invalidateQueries({ queryKey: keys.admin("keys") });

/** The API keys of all users. */
export default function KeysArea() {
	const [search, setSearch] = useState("");
	const [status, setStatus] = useState("");
	const [locking, setLocking] = useState<AdminKey | null>(null);
	const q = useDeferredValue(search.trim());
	const filter = { q, status };
	const { query, items: all } = usePaged<AdminKey>(keys.admin("keys", q, status), (ask) => admin.keys({ ...filter, ...ask }));
	const { t } = useTranslation();
	const owner = (key: AdminKey) => key.user ?? key.user_id.slice(0, 8);
	const columns: Column<AdminKey>[] = [
		{
			name: "key", sort: "name", 
			head: t("security.key"),
			value: (key) => key.name,
			cell: (key) => (
				<>
					<p className="flex items-center gap-2">
						<span className="max-w-52 truncate font-medium" title={key.name}>
							{key.name}
						</span>
						{key.label !== null && <Tag>{key.label}</Tag>}
					</p>
					<p className="font-mono text-xs text-faint">{key.prefix}…</p>
					<div className="text-xs text-faint @3xl:hidden">
						<p className="max-w-52 truncate">{owner(key)}</p>
						{key.last_used_at && <p>{dateTime(key.last_used_at)}</p>}
					</div>
				</>
			),
		},
		{ name: "owner", sort: "user", head: t("security.owner"), value: owner, wide: WIDE, className: "max-w-56 truncate", cell: owner },
		{
			name: "used", sort: "last_used_at", 
			head: t("security.last_used"),
			value: (key) => key.last_used_at,
			wide: WIDE,
			className: "whitespace-nowrap text-faint",
			cell: (key) => (
				<>
					<p>{dateTime(key.last_used_at)}</p>
					{key.last_ip !== null && <p className="text-xs">{key.last_ip}</p>}
				</>
			),
		},
		{ name: "calls", sort: "use_count", head: t("security.calls"), number: true, value: (key) => key.use_count, wide: WIDE, cell: (key) => count(key.use_count) },
		{ name: "spent", sort: "spent", head: t("security.spent"), number: true, value: (key) => key.spent, wide: WIDE, cell: (key) => credits(key.spent) },
		{
			name: "status", sort: "status", 
			head: t("security.status"),
			value: (key) => t(`keys.is_${key.status}`),
			cell: (key) => (
				<>
					<Tag tone={key.status === "active" ? "ok" : key.status === "rotated" ? "plain" : "off"}>{t(`keys.is_${key.status}`)}</Tag>
					{key.status === "locked" && (
						<p className="mt-1 max-w-48 truncate text-xs text-faint" title={reasonText(t, key.lock_reason)}>
							{reasonText(t, key.lock_reason)}
						</p>
					)}
				</>
			),
		},
		{ name: "actions", head: t("admin.actions"), bare: true, end: true, cell: (key) => <Actions of={key} onLock={() => setLocking(key)} /> },
	];
	return (
		<div className="@container">
			<AreaHead title={t("security.keys")}>
				<div className="w-80 max-w-full">
					<Input bare type="search" label={t("security.find")} placeholder={t("security.find")} value={search} onChange={(e) => setSearch(e.target.value)} />
				</div>
				<Choice label={t("security.status")} all={t("keylife.any_status")} value={status} onChange={setStatus} options={STATUSES.map((s) => ({ value: s, label: t(`keys.is_${s}`) }))} />
				<CsvButton label={t("keylife.csv")} name="api-keys.csv" fetch={() => admin.keysCsv(filter)} />
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && all.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && all.length === 0 && <Empty icon={<KeySquare size={26} />} title={t("security.no_keys")} />}
			{all.length > 0 && (
				<Table tight label={t("security.keys")} rows={all} columns={columns} rowKey={(key) => key.id} more={query} stale={query.isPlaceholderData} />
			)}
			{locking && <LockDialog of={locking} onClose={() => setLocking(null)} />}
		</div>
	);
}

function Actions({ of: key, onLock }: { of: AdminKey; onLock: () => void }) {
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const alive = key.revoked_at === null;
	const actions = [
		{ label: t("security.usage"), icon: <ScrollText size={15} />, run: () => navigate(`/admin/log?key=${key.id}`) },
		{ label: t("security.its_events"), icon: <ShieldAlert size={15} />, run: () => navigate(`/admin/security?key=${key.id}`) },
		alive && key.status !== "locked" && { label: t("security.lock"), icon: <Lock size={15} />, danger: true, run: onLock },
		key.status === "locked" && { label: t("security.unlock"), icon: <LockOpen size={15} />, run: () => void attempt(() => admin.unlockKey(key.id)).then(reread) },
	].filter((a) => a !== false);
	return <RowMenu label={t("security.actions", { name: key.name })} actions={actions} />;
}

function LockDialog({ of, onClose }: { of: AdminKey; onClose: () => void }) {
	const [reason, setReason] = useState("");
	const { t } = useTranslation();
	const save = async () => {
		await admin.lockKey(of.id, reason.trim());
		void reread();
	};
	return (
		<FormDialog title={t("security.lock_title", { name: of.name })} save={save} action={t("security.lock")} onClose={onClose}>
			<Wide>
				<p className="mb-4 text-sm text-soft">{t("security.lock_text")}</p>
				<Input autoFocus label={t("security.reason")} value={reason} maxLength={200} onChange={(e) => setReason(e.target.value)} />
			</Wide>
		</FormDialog>
	);
}
