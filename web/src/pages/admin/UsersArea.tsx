import { Ban, CircleCheck, Coins, History, KeyRound, ScrollText, Shield, ShieldOff, UsersRound, UserX } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { AdminUser } from "@/api/types";
import { trust } from "@/api/trust";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choice";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Input } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { QuotaHistory } from "@/components/usage/QuotaHistory";
import { credits, dateTime } from "@/lib/format";
import { newId } from "@/lib/ids";
import { keys, queryClient } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { toast } from "@/stores/notices";
import { BudgetText, UserGroupDialog } from "./GroupsPanel";
import { AreaHead, attempt, type Column, FormDialog, Loading, Table, Tag, Wide } from "./parts";
import { RowMenu } from "@/components/ui/RowMenu";
import { nameOf } from "./UserName";

/** Where there is no room for these columns, what they say stands below the name. */
const WIDE = "hidden @4xl:table-cell";

const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin("users") });

export default function UsersArea() {
	const [search, setSearch] = useState("");
	const [role, setRole] = useState("");
	const [status, setStatus] = useState("");
	const q = useDeferredValue(search.trim());
	const [granting, setGranting] = useState<AdminUser | null>(null);
	const [grouping, setGrouping] = useState<AdminUser | null>(null);
	const [historyOf, setHistoryOf] = useState<AdminUser | null>(null);
	const [disabling, setDisabling] = useState<AdminUser | null>(null);
	const [promoting, setPromoting] = useState<AdminUser | null>(null);
	const [resetting, setResetting] = useState<AdminUser | null>(null);
	const { t } = useTranslation();
	const { query, items: users } = usePaged<AdminUser>(keys.admin("users", q, role, status), (ask) => admin.users({ q, role, status, ...ask }));
	const columns: Column<AdminUser>[] = [
		{
			name: "user", sort: "name", 
			head: t("admin.user"),
			value: nameOf,
			cell: (u) => (
				<>
					<p className="font-medium wrap-anywhere">
						<Address of={nameOf(u)} />
					</p>
					<p className="text-xs wrap-anywhere text-faint">
						<Address of={[u.email, u.phone].filter((x) => x && x !== nameOf(u)).join(" · ")} />
					</p>
					<p className="mt-1 flex flex-wrap items-center gap-1.5 text-xs text-faint @4xl:hidden">
						{u.role === "admin" && <Role user={u} />}
						{u.status !== "active" && <Status user={u} />}
						{u.group}
					</p>
					{u.budget && (
						<div className="mt-1 text-xs text-faint @4xl:hidden">
							<BudgetText budget={u.budget} />
						</div>
					)}
				</>
			),
		},
		{
			name: "role", sort: "role", 
			head: t("admin.role"),
			value: (u) => t(u.role === "admin" ? "admin.role_admin" : "admin.role_user"),
			wide: WIDE,
			cell: (u) => <Role user={u} />,
		},
		{ name: "group", sort: "group", head: t("prices.group"), value: (u) => u.group, wide: WIDE, cell: (u) => u.group },
		{ name: "credits", sort: "credits", head: t("admin.credits"), number: true, value: (u) => u.credits, cell: (u) => credits(u.credits) },
		{ name: "budget", head: t("groups.budget"), number: true, value: (u) => u.budget?.left ?? null, wide: WIDE, cell: (u) => <BudgetText budget={u.budget} /> },
		{ name: "login", sort: "last_login_at", head: t("admin.last_login"), value: (u) => u.last_login_at, wide: WIDE, className: "whitespace-nowrap text-faint", cell: (u) => dateTime(u.last_login_at) },
		{
			name: "status", sort: "status", 
			head: t("admin.status"),
			value: (u) => t(u.status === "active" ? "admin.active" : "admin.disabled"),
			wide: WIDE,
			cell: (u) => <Status user={u} />,
		},
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			className: "whitespace-nowrap",
			cell: (u) => <Actions user={u} onGrant={() => setGranting(u)} onGroup={() => setGrouping(u)} onHistory={() => setHistoryOf(u)} onDisable={() => setDisabling(u)} onPromote={() => setPromoting(u)} onReset={() => setResetting(u)} />,
		},
	];
	return (
		<div className="@container">
			<AreaHead title={t("admin.users")}>
				<div className="w-80 max-w-full">
					<Input bare type="search" label={t("admin.search_users")} placeholder={t("admin.search_users")} value={search} onChange={(e) => setSearch(e.target.value)} />
				</div>
				<Choice label={t("admin.role")} all={t("admin.any_role")} value={role} onChange={setRole} options={(["user", "admin"] as const).map((r) => ({ value: r, label: t(`admin.role_${r}`) }))} />
				<Choice label={t("admin.status")} all={t("admin.any_status")} value={status} onChange={setStatus} options={(["active", "disabled"] as const).map((s) => ({ value: s, label: t(`admin.${s}`) }))} />
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && users.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && users.length === 0 && <Empty icon={<UserX size={26} />} title={t("admin.no_users")} />}
			{users.length > 0 && (
				<Table tight label={t("admin.users")} rows={users} columns={columns} rowKey={(u) => u.id} file="users.csv" more={query} stale={query.isPlaceholderData} />
			)}
			{granting && <GrantDialog user={granting} onClose={() => setGranting(null)} />}
			{grouping && <UserGroupDialog user={grouping} onSaved={() => void refresh()} onClose={() => setGrouping(null)} />}
			{historyOf && (
				<Dialog wide title={`${t("quota.title")}: ${nameOf(historyOf)}`} onClose={() => setHistoryOf(null)}>
					<QuotaHistory name="admin" subject={historyOf.id} page={(before_id) => admin.quotaHistory({ kind: "user", subject: historyOf.id, limit: 20, before_id })} />
				</Dialog>
			)}
			{disabling && <DisableDialog user={disabling} onClose={() => setDisabling(null)} />}
			{resetting && <ResetDialog user={resetting} onClose={() => setResetting(null)} />}
			{promoting && <PromoteDialog user={promoting} onClose={() => setPromoting(null)} />}
		</div>
	);
}

/** Breaks before its @ rather than anywhere. */
function Address({ of }: { of: string }) {
	const [name = "", ...rest] = of.split("@");
	if (rest.length === 0) return <>{of}</>;
	return (
		<>
			{name}
			<wbr />@{rest.join("@")}
		</>
	);
}

function Role({ user }: { user: AdminUser }) {
	const { t } = useTranslation();
	return <Tag tone={user.role === "admin" ? "accent" : "plain"}>{t(user.role === "admin" ? "admin.role_admin" : "admin.role_user")}</Tag>;
}

function Status({ user }: { user: AdminUser }) {
	const { t } = useTranslation();
	return <Tag tone={user.status === "active" ? "ok" : "off"}>{t(user.status === "active" ? "admin.active" : "admin.disabled")}</Tag>;
}

function Actions({ user, onGrant, onGroup, onHistory, onDisable, onPromote, onReset }: { user: AdminUser; onGrant: () => void; onGroup: () => void; onHistory: () => void; onDisable: () => void; onPromote: () => void; onReset: () => void }) {
	const { t } = useTranslation();
	const change = (json: Parameters<typeof admin.patchUser>[1]) => () =>
		void attempt(() => admin.patchUser(user.id, json)).then(refresh);
	const [, navigate] = useLocation();
	const isAdmin = user.role === "admin";
	const isActive = user.status === "active";
	return (
		<>
				<Button small icon={<Coins size={14} aria-hidden />} onClick={onGrant} aria-label={t("admin.grant")} className="me-1 pointer-coarse:size-11 pointer-coarse:px-0">
					<span className="hidden @4xl:inline">{t("admin.grant")}</span>
				</Button>
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("groups.set"), icon: <UsersRound size={15} />, run: onGroup },
						{ label: t("quota.history"), icon: <History size={15} />, run: onHistory },
						{ label: t("admin.log"), icon: <ScrollText size={15} />, run: () => navigate(`/admin/log?user=${user.id}`) },
						{ label: t("trust.reset"), icon: <KeyRound size={15} />, run: onReset },
						isAdmin
							? { label: t("admin.make_user"), icon: <ShieldOff size={15} />, run: change({ role: "user" }) }
							: { label: t("admin.make_admin"), icon: <Shield size={15} />, run: onPromote },
						isActive
							? { label: t("admin.disable"), icon: <Ban size={15} />, danger: true, run: onDisable }
							: { label: t("admin.enable"), icon: <CircleCheck size={15} />, run: change({ status: "active" }) },
					]}
				/>
		</>
	);
}

function ResetDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
	const { t } = useTranslation();
	const confirm = async () => {
		await attempt(async () => {
			await trust.resetOf(user.id);
			toast("ok", t("trust.reset_done"));
		});
		onClose();
	};
	return <Confirm title={t("trust.reset")} text={t("trust.reset_text", { name: nameOf(user) })} action={t("trust.reset")} onConfirm={() => void confirm()} onClose={onClose} />;
}

function PromoteDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
	const { t } = useTranslation();
	const confirm = async () => {
		await attempt(() => admin.patchUser(user.id, { role: "admin" }));
		void refresh();
		onClose();
	};
	return (
		<Confirm
			title={t("admin.promote_title", { name: nameOf(user) })}
			text={t("admin.promote_text")}
			action={t("admin.make_admin")}
			onConfirm={() => void confirm()}
			onClose={onClose}
		/>
	);
}

function DisableDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
	const { t } = useTranslation();
	const confirm = async () => {
		await attempt(() => admin.patchUser(user.id, { status: "disabled" }));
		void refresh();
		onClose();
	};
	return (
		<Confirm
			title={t("admin.disable_title", { name: nameOf(user) })}
			text={t("admin.disable_text")}
			action={t("admin.disable")}
			onConfirm={() => void confirm()}
			onClose={onClose}
		/>
	);
}

function GrantDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
	const [amount, setAmount] = useState("");
	const [reason, setReason] = useState("");
	// One key for this dialog: a grant sent twice is made once.
	const [key] = useState(newId);
	const { t } = useTranslation();
	const number = Number(amount);
	const save = async () => {
		const { balance } = await admin.grant(user.id, { amount: number, reason: reason.trim() }, `${key}:${amount}:${reason.length}`);
		toast("ok", t("admin.granted", { credits: credits(balance) }));
		void refresh();
	};
	return (
		<FormDialog title={t("admin.grant_for", { name: nameOf(user) })} save={save} onClose={onClose} valid={Number.isFinite(number) && number !== 0 && reason.trim() !== ""}>
			<Input autoFocus required type="number" step="any" label={t("admin.amount")} hint={t("admin.amount_hint")} value={amount} onChange={(e) => setAmount(e.target.value)} />
			<Wide>
				<Input required label={t("admin.reason")} hint={t("admin.reason_hint")} maxLength={200} value={reason} onChange={(e) => setReason(e.target.value)} />
			</Wide>
		</FormDialog>
	);
}
