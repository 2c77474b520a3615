import { useQuery } from "@tanstack/react-query";
import { Activity, Cable, ChevronDown, ChevronUp, KeyRound, Pencil, PlugZap, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel, ChannelTest } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input, Select } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { healthOf } from "@/lib/channels";
import { cx } from "@/lib/cx";
import { count, credits, dateTime } from "@/lib/format";
import { type Order, sorted } from "@/lib/sorted";
import { fromOf } from "@/lib/usage";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { ChannelDialog } from "./ChannelDialog";
import { ChannelHealth, HealthTag } from "./ChannelHealth";
import { ChannelKeys } from "./ChannelKeys";
import { Toggle } from "./ModelsArea";
import { AreaHead, attempt, Cell, DeleteDialog, Loading, NumberCell, Table, Tag } from "./parts";
import { RowMenu } from "./RowMenu";

const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin() });

/** What there is room for in a wide container. */
const WIDE = "hidden @4xl:table-cell";
const STATES = ["all", "on", "off", "trouble"] as const;
type State = (typeof STATES)[number];
type Column = "name" | "priority" | "weight" | "keys" | "latency" | "success" | "spend";

interface Row {
	channel: Channel;
	active: number;
	/** Of late; null: not known. */
	latency: number | null;
	success: number | null;
	/** Credits, of 30 days. */
	spend: number;
}

function useRows() {
	const channels = useQuery({ queryKey: keys.admin("channels"), queryFn: admin.channels });
	const from = fromOf("30");
	const sums = useQuery({ queryKey: keys.admin("usage", "channel", from), queryFn: () => admin.usage({ group_by: "channel", from }) });
	const rows = (channels.data?.items ?? []).map((channel): Row => {
		const used = sums.data?.items.find((s) => s.name === channel.name);
		const health = healthOf(channel);
		return {
			channel,
			active: channel.keys.filter((k) => k.status === "active").length,
			latency: health?.first_byte_ms ?? null,
			success: health && health.calls > 0 ? 1 - health.errors_per_mille / 1000 : null,
			spend: used?.cost ?? 0,
		};
	});
	return { ...channels, rows };
}

function fits({ channel: c, active }: Row, search: string, state: State) {
	if (state === "on" ? !c.enabled : state === "off" ? c.enabled : state === "trouble" && active === c.keys.length) return false;
	const text = [c.name, c.tag, c.provider, c.base_url, c.region, ...c.groups, ...c.models.map((m) => m.model)].join(" ").toLowerCase();
	return text.includes(search.trim().toLowerCase());
}

function valueOf({ channel: c, active, ...row }: Row, by: Column) {
	return { name: c.name, priority: c.priority, weight: c.weight, keys: active, ...row }[by];
}

export default function ChannelsArea() {
	const { data, rows, isPending, error, refetch } = useRows();
	const [search, setSearch] = useState("");
	const [state, setState] = useState<State>("all");
	const [order, setOrder] = useState<Order<Column>>({ by: "priority", down: true });
	const [editing, setEditing] = useState<Channel | "new" | null>(null);
	const [keysOf, setKeysOf] = useState<number | null>(null);
	const [healthFor, setHealthFor] = useState<number | null>(null);
	const [deleting, setDeleting] = useState<Channel | null>(null);
	const [tests, setTests] = useState<Record<number, ChannelTest>>({});
	const { t } = useTranslation();
	const shown = sorted(rows.filter((row) => fits(row, search, state)), order, valueOf);
	const note = (id: number, test: ChannelTest) => setTests((before) => ({ ...before, [id]: test }));
	const head = (by: Column, label: string) => <Sort key={by} by={by} label={label} order={order} onChange={setOrder} />;
	const withKeys = rows.find((r) => r.channel.id === keysOf)?.channel;
	const withHealth = rows.find((r) => r.channel.id === healthFor)?.channel;
	return (
		<div className="@container">
			<AreaHead title={t("admin.channels")} count={rows.length} onAdd={() => setEditing("new")}>
				{rows.length > 0 && <TestAll onTest={note} />}
			</AreaHead>
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && rows.length === 0 && <Empty icon={<Cable size={26} />} title={t("admin.no_channels")} hint={t("admin.no_channels_hint")} />}
			{rows.length > 0 && (
				<div className="mb-4 grid grid-cols-[1fr_auto] gap-3 @2xl:max-w-2xl">
					<Input bare type="search" label={t("channels.search")} placeholder={t("channels.search")} value={search} onChange={(e) => setSearch(e.target.value)} />
					<Select bare label={t("channels.state")} value={state} onChange={(e) => setState(e.target.value as State)}>
						{STATES.map((name) => (
							<option key={name} value={name}>
								{t(`channels.${name}`)}
							</option>
						))}
					</Select>
				</div>
			)}
			{rows.length > 0 && shown.length === 0 && <Empty title={t("channels.nothing_fits")} />}
			{shown.length > 0 && (
				<Table
					tight
					label={t("admin.channels")}
					heads={[
						head("name", t("admin.name")),
						t("admin.channel_models"),
						head("keys", t("channels.keys")),
						head("priority", t("admin.priority")),
						head("weight", t("admin.weight")),
						head("latency", t("channels.latency")),
						head("success", t("channels.success")),
						head("spend", t("channels.spend")),
						t("channels.last_error"),
						t("admin.enabled"),
						t("admin.actions"),
					]}
					numbers={[2, 3, 4, 5, 6, 7]}
					wide={{ columns: [4, 5, 6, 7, 8], className: WIDE }}
				>
					{shown.map((row) => (
						<ChannelRow
							key={row.channel.id}
							row={row}
							test={tests[row.channel.id]}
							onTest={note}
							onKeys={() => setKeysOf(row.channel.id)}
							onHealth={() => setHealthFor(row.channel.id)}
							onEdit={() => setEditing(row.channel)}
							onDelete={() => setDeleting(row.channel)}
						/>
					))}
				</Table>
			)}
			{editing && <ChannelDialog channel={editing === "new" ? null : editing} onSaved={refresh} onClose={() => setEditing(null)} />}
			{withKeys && <ChannelKeys channel={withKeys} onChange={refresh} onClose={() => setKeysOf(null)} />}
			{withHealth && <ChannelHealth channel={withHealth} onClose={() => setHealthFor(null)} />}
			{deleting && (
				<DeleteDialog name={deleting.name} remove={() => admin.removeChannel(deleting.id).then(refresh)} onClose={() => setDeleting(null)} />
			)}
		</div>
	);
}

/** A head by which the table is sorted, once more the other way round. */
function Sort({ by, label, order, onChange }: { by: Column; label: string; order: Order<Column>; onChange: (order: Order<Column>) => void }) {
	const { t } = useTranslation();
	const is = order.by === by;
	const Icon = order.down ? ChevronDown : ChevronUp;
	return (
		<button
			type="button"
			aria-label={t("channels.sort_by", { column: label })}
			aria-pressed={is}
			onClick={() => onChange({ by, down: is ? !order.down : by !== "name" })}
			className={cx("-mx-1 inline-flex min-h-8 items-center gap-1 rounded px-1 font-medium hover:text-ink", is && "text-ink")}
		>
			{label}
			{is && <Icon size={13} aria-hidden />}
		</button>
	);
}

function TestAll({ onTest }: { onTest: (id: number, test: ChannelTest) => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const run = async () => {
		setBusy(true);
		await attempt(async () => {
			const items = await admin.testAllChannels();
			for (const item of items) onTest(item.channel_id, item);
			const ok = items.filter((i) => i.ok).length;
			toast(ok === items.length ? "ok" : "danger", t("channels.tested", { ok, total: items.length }));
		});
		setBusy(false);
	};
	return (
		<Button medium busy={busy} icon={<PlugZap size={15} aria-hidden />} onClick={() => void run()}>
			{t("channels.test_all")}
		</Button>
	);
}

/** What went wrong last: of the test just made, or what is kept of its keys. */
function lastError(channel: Channel, test: ChannelTest | undefined) {
	if (test) return test.ok ? null : { text: [test.http_status > 0 && `HTTP ${test.http_status}`, test.error, test.detail].filter(Boolean).join(" · "), at: null };
	const key = channel.keys
		.filter((k) => k.last_error_at ?? k.off_at)
		.sort((a, b) => String(b.last_error_at ?? b.off_at).localeCompare(String(a.last_error_at ?? a.off_at)))[0];
	return key ? { text: key.off_reason ?? key.last_error ?? "", at: key.last_error_at ?? key.off_at } : null;
}

interface RowProps {
	row: Row;
	test?: ChannelTest;
	onTest: (id: number, test: ChannelTest) => void;
	onKeys: () => void;
	onHealth: () => void;
	onEdit: () => void;
	onDelete: () => void;
}

function ChannelRow({ row: { channel, active, latency, success, spend }, test, onTest, onKeys, onHealth, onEdit, onDelete }: RowProps) {
	const [testing, setTesting] = useState(false);
	const { t } = useTranslation();
	const failed = lastError(channel, test);
	const run = async () => {
		setTesting(true);
		await attempt(async () => {
			const r = await admin.testChannel(channel.id);
			onTest(channel.id, r);
			if (r.ok) toast("ok", t("admin.test_ok", { name: channel.name, ms: Math.round(r.latency_ms) }), { detail: r.text ?? undefined });
			else toast("danger", t("admin.test_failed", { name: channel.name }), { detail: lastError(channel, r)?.text });
		});
		setTesting(false);
	};
	return (
		<tr>
			<Cell>
				<p className="font-medium">{channel.name}</p>
				<p className="max-w-64 truncate text-xs text-faint">
					{channel.provider} · {channel.base_url}
				</p>
				<p className="mt-1 flex flex-wrap gap-1 empty:hidden">
					{channel.health.state !== "closed" && <HealthTag health={channel.health} />}
					{channel.tag && <Tag tone="accent">{channel.tag}</Tag>}
					{channel.region && <Tag>{channel.region}</Tag>}
					{channel.groups.map((g) => (
						<Tag key={g} tone="warn">
							{g}
						</Tag>
					))}
				</p>
			</Cell>
			<Cell>
				<div className="flex max-w-56 flex-wrap gap-1">
					{channel.models.slice(0, 6).map((m) => (
						<span key={m.model} title={m.upstream_name}>
							<Tag>{m.model}</Tag>
						</span>
					))}
					{channel.models.length > 6 && <span className="text-xs text-faint">+{channel.models.length - 6}</span>}
				</div>
			</Cell>
			<NumberCell>
				{channel.keys.length === 0 ? (
					<span className="text-xs text-faint">{t("channels.no_key")}</span>
				) : (
					<Tag tone={active === channel.keys.length ? "ok" : active > 0 ? "warn" : "off"}>
						{t("channels.keys_in_use", { active, total: channel.keys.length })}
					</Tag>
				)}
			</NumberCell>
			<NumberCell>{channel.priority}</NumberCell>
			<NumberCell className={WIDE}>{channel.weight}</NumberCell>
			<NumberCell className={WIDE}>{latency === null ? "–" : `${count(latency)} ms`}</NumberCell>
			<NumberCell className={WIDE}>{success === null ? "–" : `${count(Math.round(success * 1000) / 10)} %`}</NumberCell>
			<NumberCell className={WIDE}>{credits(spend)}</NumberCell>
			<Cell className={WIDE}>
				{test?.ok && <Tag tone="ok">{Math.round(test.latency_ms)} ms</Tag>}
				{failed && (
					<>
						<p className="line-clamp-2 max-w-52 text-xs text-danger" title={failed.text}>
							{failed.text}
						</p>
						{failed.at && <p className="text-xs text-faint">{dateTime(failed.at)}</p>}
					</>
				)}
			</Cell>
			<Cell className="w-16">
				<Toggle
					label={channel.name}
					on={channel.enabled}
					onChange={(enabled) => void attempt(() => admin.patchChannel(channel.id, { enabled })).then(refresh)}
				/>
			</Cell>
			<Cell className="text-end whitespace-nowrap">
				<Button small busy={testing} icon={<PlugZap size={14} aria-hidden />} onClick={() => void run()} className="me-1">
					{t("admin.test")}
				</Button>
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: onEdit },
						{ label: t("channels.keys"), icon: <KeyRound size={15} />, run: onKeys },
						{ label: t("channels.fares.health"), icon: <Activity size={15} />, run: onHealth },
						{ label: t("common.delete"), icon: <Trash2 size={15} />, danger: true, run: onDelete },
					]}
				/>
			</Cell>
		</tr>
	);
}
