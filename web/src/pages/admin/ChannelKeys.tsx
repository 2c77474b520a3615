import { Coins, Plus, PlugZap, RefreshCw, Trash } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel, ChannelKey } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input } from "@/components/ui/Field";
import { count, dateTime } from "@/lib/format";
import { toast } from "@/stores/notices";
import { Toggle } from "./ModelsArea";
import { attempt, type Column, DeleteDialog, FormDialog, Table, Tag, Wide } from "./parts";
import { RowMenu } from "@/components/ui/RowMenu";

const STATES = { active: { tone: "ok", text: "channels.active" }, off: { tone: "off", text: "channels.key_off" }, disabled: { tone: "plain", text: "channels.disabled" } } as const;

interface Props {
	channel: Channel;
	onChange: () => Promise<unknown>;
	onClose: () => void;
}

/** The keys of a channel, one by one; what they are is never shown. */
export function ChannelKeys({ channel, onChange, onClose }: Props) {
	const [replacing, setReplacing] = useState<ChannelKey | null>(null);
	const [deleting, setDeleting] = useState<ChannelKey | null>(null);
	const { t } = useTranslation();
	const columns: Column<ChannelKey>[] = [
		{ name: "name", head: t("channels.key_name"), value: (key) => key.name, className: "font-medium", cell: (key) => key.name },
		{ name: "state", head: t("channels.key_state"), value: (key) => t(STATES[key.status].text), cell: (key) => <State of={key} /> },
		{ name: "weight", head: t("admin.weight"), number: true, value: (key) => key.weight, cell: (key) => key.weight },
		{
			name: "balance",
			head: t("channels.balance"),
			number: true,
			value: (key) => key.balance,
			cell: (key) => (
				<>
					{key.balance === null ? "–" : `${count(key.balance)} ${key.balance_currency ?? ""}`}
					{key.balance_at && <p className="text-xs text-faint">{dateTime(key.balance_at)}</p>}
				</>
			),
		},
		{
			name: "use",
			head: t("channels.key_use"),
			className: "w-16",
			cell: (key) => (
				<Toggle label={key.name} on={key.status === "active"} onChange={(enabled) => void attempt(() => admin.patchChannelKey(channel.id, key.id, { enabled })).then(onChange)} />
			),
		},
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			cell: (key) => (
				<RowMenu
					label={`${t("admin.actions")}: ${key.name}`}
					actions={[
						{ label: t("admin.test"), icon: <PlugZap size={15} />, run: () => void test(key) },
						{ label: t("channels.replace"), icon: <RefreshCw size={15} />, run: () => setReplacing(key) },
						{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(key) },
					]}
				/>
			),
		},
	];
	const test = (key: ChannelKey) =>
		attempt(async () => {
			const r = await admin.testChannel(channel.id, { key_id: key.id });
			if (r.ok) toast("ok", t("admin.test_ok", { name: key.name, ms: Math.max(1, Math.round(r.latency_ms)) }));
			else toast("danger", t("admin.test_failed", { name: key.name }), { detail: [r.http_status > 0 && `HTTP ${r.http_status}`, r.detail].filter(Boolean).join(" · ") });
		});
	return (
		<Dialog wide title={t("channels.keys_of", { name: channel.name })} onClose={onClose}>
			<div className="flex flex-col gap-4">
				{channel.keys.length > 0 && (
					<Table tight label={t("channels.keys_of", { name: channel.name })} rows={channel.keys} columns={columns} rowKey={(key) => key.id} pageSize={20} />
				)}
				<div className="flex flex-wrap items-end justify-between gap-3">
					<AddKey channel={channel} onChange={onChange} />
					{channel.keys.length > 0 && <Balances channel={channel} onChange={onChange} />}
				</div>
			</div>
			{replacing && <ReplaceKey channel={channel} row={replacing} onChange={onChange} onClose={() => setReplacing(null)} />}
			{deleting && (
				<DeleteDialog name={deleting.name} remove={() => admin.removeChannelKey(channel.id, deleting.id).then(onChange)} onClose={() => setDeleting(null)} />
			)}
		</Dialog>
	);
}

function State({ of: key }: { of: ChannelKey }) {
	const { t } = useTranslation();
	const { tone, text } = STATES[key.status];
	const why = key.off_reason ?? key.last_error;
	return (
		<>
			<Tag tone={tone}>{t(text)}</Tag>
			{why && (
				<p className="mt-0.5 line-clamp-2 max-w-48 text-xs text-faint" title={why}>
					{why}
				</p>
			)}
			{key.off_at && <p className="text-xs text-faint">{dateTime(key.off_at)}</p>}
		</>
	);
}

function AddKey({ channel, onChange }: { channel: Channel; onChange: () => Promise<unknown> }) {
	const [name, setName] = useState("");
	const [key, setKey] = useState("");
	const { t } = useTranslation();
	const add = async (e: FormEvent) => {
		e.preventDefault();
		const done = await attempt(() => admin.addChannelKey(channel.id, { key: key.trim(), ...(name.trim() && { name: name.trim() }) }));
		if (!done) return;
		setName("");
		setKey("");
		await onChange();
	};
	return (
		<form onSubmit={(e) => void add(e)} className="flex grow flex-wrap items-end gap-3">
			<Input label={t("channels.key_name")} value={name} onChange={(e) => setName(e.target.value)} />
			<Input required type="password" autoComplete="off" label={t("channels.new_key")} value={key} onChange={(e) => setKey(e.target.value)} />
			<Button type="submit" look="solid" medium icon={<Plus size={16} aria-hidden />}>
				{t("channels.add_key")}
			</Button>
		</form>
	);
}

function ReplaceKey({ channel, row, onChange, onClose }: { channel: Channel; row: ChannelKey; onChange: () => Promise<unknown>; onClose: () => void }) {
	const [form, setForm] = useState({ key: "", weight: String(row.weight), rpm: row.rpm ? String(row.rpm) : "" });
	const { t } = useTranslation();
	const field = (name: keyof typeof form) => ({ value: form[name], onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }) });
	const save = async () => {
		await admin.patchChannelKey(channel.id, row.id, {
			weight: Number(form.weight),
			rpm: form.rpm ? Number(form.rpm) : null,
			...(form.key.trim() && { key: form.key.trim() }),
		});
		await onChange();
	};
	return (
		<FormDialog title={t("channels.replace_key", { name: row.name })} save={save} onClose={onClose}>
			<Wide>
				<Input autoFocus type="password" autoComplete="off" label={t("channels.new_key")} hint={t("admin.api_key_keep")} {...field("key")} />
			</Wide>
			<Input required type="number" min={0} label={t("admin.weight")} {...field("weight")} />
			<Input type="number" min={1} label={t("channels.rpm")} hint={t("channels.no_limit")} {...field("rpm")} />
		</FormDialog>
	);
}

function Balances({ channel, onChange }: { channel: Channel; onChange: () => Promise<unknown> }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const ask = async () => {
		setBusy(true);
		await attempt(async () => {
			const { items } = await admin.channelBalances(channel.id);
			const failed = items.find((i) => i.supported && !i.ok);
			if (items.some((i) => !i.supported)) toast("danger", t("channels.balance_unsupported"));
			else if (failed) toast("danger", t("channels.balance_failed"), { detail: `${failed.name}: ${failed.detail}` });
			await onChange();
		});
		setBusy(false);
	};
	return (
		<Button medium busy={busy} icon={<Coins size={15} aria-hidden />} onClick={() => void ask()}>
			{t("channels.ask_balance")}
		</Button>
	);
}
