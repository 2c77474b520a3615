import { useQuery } from "@tanstack/react-query";
import { Activity, Cable, KeyRound, Pencil, PlugZap, Trash } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel, ChannelTest } from "@/api/types";
import { admin } from "@/api/weir";
import { Button, IconButton } from "@/components/ui/Button";
import { Input, Select } from "@/components/ui/Field";
import { Spinner } from "@/components/ui/Spinner";
import { Empty, Failed } from "@/components/ui/State";
import { healthOf } from "@/lib/channels";
import { count, credits, dateTime } from "@/lib/format";
import { fromOf } from "@/lib/usage";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { ChannelDialog } from "./ChannelDialog";
import { ChannelHealth, HealthTag } from "./ChannelHealth";
import { ChannelKeys } from "./ChannelKeys";
import { Toggle } from "./ModelsArea";
import { AreaHead, attempt, type Column, DeleteDialog, Loading, Table, Tag } from "./parts";
import { RowMenu } from "@/components/ui/RowMenu";

const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin() });

/** What there is room for in a wide container. */
const WIDE = "hidden @4xl:table-cell";
const WIDEST = "hidden @7xl:table-cell";
/** It looks again while the page is seen. */
const LIVE = { refetchInterval: 5_000, staleTime: 0 };
const STATES = ["all", "on", "off", "trouble"] as const;
type State = (typeof STATES)[number];


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
	const channels = useQuery({ queryKey: keys.admin("channels"), queryFn: admin.channels, ...LIVE });
	const from = fromOf("30");
	const sums = useQuery({ queryKey: keys.admin("usage", "channel", from), queryFn: () => admin.usage({ group_by: "channel", from }), ...LIVE });
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

export default function ChannelsArea() {
	const { data, rows, isPending, error, refetch } = useRows();
	const [search, setSearch] = useState("");
	const [state, setState] = useState<State>("all");
	const [editing, setEditing] = useState<Channel | "new" | null>(null);
	const [keysOf, setKeysOf] = useState<number | null>(null);
	const [healthFor, setHealthFor] = useState<number | null>(null);
	const [deleting, setDeleting] = useState<Channel | null>(null);
	const [tests, setTests] = useState<Record<number, ChannelTest>>({});
	const { t } = useTranslation();
	const shown = rows.filter((row) => fits(row, search, state));
	const note = (id: number, test: ChannelTest) => setTests((before) => ({ ...before, [id]: test }));
	const columns: Column<Row>[] = [
		{ name: "name", head: t("admin.name"), value: ({ channel }) => channel.name, cell: ({ channel }) => <Name of={channel} /> },
		{ name: "models", head: t("admin.channel_models"), cell: ({ channel }) => <Models of={channel} /> },
		{ name: "keys", head: t("channels.keys"), number: true, value: (row) => row.active, cell: (row) => <Keys of={row} /> },
		{ name: "priority", head: t("admin.priority"), number: true, value: ({ channel }) => channel.priority, cell: ({ channel }) => channel.priority },
		{ name: "weight", head: t("admin.weight"), number: true, value: ({ channel }) => channel.weight, wide: WIDEST, cell: ({ channel }) => channel.weight },
		{ name: "latency", head: t("channels.latency"), number: true, value: (row) => row.latency, wide: WIDE, cell: ({ latency }) => (latency === null ? "–" : `${count(latency)} ms`) },
		{ name: "success", head: t("channels.success"), number: true, value: (row) => row.success, wide: WIDE, cell: ({ success }) => (success === null ? "–" : `${count(Math.round(success * 1000) / 10)} %`) },
		{ name: "spend", head: t("channels.spend"), number: true, value: (row) => row.spend, wide: WIDE, cell: ({ spend }) => credits(spend) },
		{
			name: "error",
			head: t("channels.last_error"),
			value: ({ channel }) => lastError(channel, tests[channel.id])?.text ?? null,
			wide: WIDE,
			cell: ({ channel }) => <LastError of={channel} test={tests[channel.id]} />,
		},
		{
			name: "enabled",
			head: t("admin.enabled"),
			className: "w-16",
			cell: ({ channel }) => <Toggle label={channel.name} on={channel.enabled} onChange={(enabled) => void attempt(() => admin.patchChannel(channel.id, { enabled })).then(refresh)} />,
		},
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			className: "whitespace-nowrap",
			cell: ({ channel }) => (
				<Actions
					channel={channel}
					onTest={note}
					onKeys={() => setKeysOf(channel.id)}
					onHealth={() => setHealthFor(channel.id)}
					onEdit={() => setEditing(channel)}
					onDelete={() => setDeleting(channel)}
				/>
			),
		},
	];
	const withKeys = rows.find((r) => r.channel.id === keysOf)?.channel;
	const withHealth = rows.find((r) => r.channel.id === healthFor)?.channel;
	return (
		<div className="@container">
			<AreaHead title={t("admin.channels")} count={rows.length} onAdd={() => setEditing("new")}>
				<p className="text-xs text-faint">{t("admin.live")}</p>
				{rows.length > 0 && <TestAll onTest={note} />}
			</AreaHead>
			{isPending && <Loading />}
			{error && !data && <Failed error={error} onRetry={() => void refetch()} />}
			{data && rows.length === 0 && <Empty icon={<Cable size={26} />} title={t("admin.no_channels")} hint={t("admin.no_channels_hint")} />}
			{rows.length > 0 && (
				<Table
					tight
					label={t("admin.channels")}
					rows={shown}
					columns={columns}
					rowKey={(row) => row.channel.id}
					order={{ by: "priority", down: true }}
					pageSize={50}
					file="channels.csv"
					tools={
						<div className="grid w-full grid-cols-[1fr_auto] gap-3 @2xl:w-140">
							<Input bare type="search" label={t("channels.search")} placeholder={t("channels.search")} value={search} onChange={(e) => setSearch(e.target.value)} />
							<Select bare label={t("channels.state")} value={state} onChange={(e) => setState(e.target.value as State)}>
								{STATES.map((name) => (
									<option key={name} value={name}>
										{t(`channels.${name}`)}
									</option>
								))}
							</Select>
						</div>
					}
				/>
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

interface ActionsProps {
	channel: Channel;
	onTest: (id: number, test: ChannelTest) => void;
	onKeys: () => void;
	onHealth: () => void;
	onEdit: () => void;
	onDelete: () => void;
}

function Actions({ channel, onTest, onKeys, onHealth, onEdit, onDelete }: ActionsProps) {
	const [testing, setTesting] = useState(false);
	const { t } = useTranslation();
	const run = async () => {
		setTesting(true);
		await attempt(async () => {
			const r = await admin.testChannel(channel.id);
			onTest(channel.id, r);
			if (r.ok) toast("ok", t("admin.test_ok", { name: channel.name, ms: Math.max(1, Math.round(r.latency_ms)) }));
			else toast("danger", t("admin.test_failed", { name: channel.name }), { detail: lastError(channel, r)?.text });
		});
		setTesting(false);
	};
	return (
		<>
				<IconButton label={t("admin.test")} disabled={testing} aria-busy={testing || undefined} onClick={() => void run()}>
					{testing ? <Spinner /> : <PlugZap size={16} aria-hidden />}
				</IconButton>
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: onEdit },
						{ label: t("channels.keys"), icon: <KeyRound size={15} />, run: onKeys },
						{ label: t("channels.fares.health"), icon: <Activity size={15} />, run: onHealth },
						{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: onDelete },
					]}
				/>
		</>
	);
}

function Name({ of: channel }: { of: Channel }) {
	const { t } = useTranslation();
	return (
		<>
			<p className="font-medium">{channel.name}</p>
			<p className="max-w-64 truncate text-xs text-faint">
				{channel.provider} · {channel.base_url}
			</p>
			<p className="mt-1 flex flex-wrap gap-1 empty:hidden">
				{channel.health.state !== "closed" && <HealthTag health={channel.health} />}
				{channel.max_concurrent !== null && (
					<Tag tone={(channel.running ?? 0) >= channel.max_concurrent ? "warn" : "plain"}>
						{t("channels.running", { running: channel.running ?? 0, max: channel.max_concurrent })}
					</Tag>
				)}
				{channel.tag && <Tag tone="accent">{channel.tag}</Tag>}
				{channel.region && <Tag>{channel.region}</Tag>}
				{channel.groups.map((g) => (
					<Tag key={g} tone="warn">
						{g}
					</Tag>
				))}
			</p>
		</>
	);
}

/** The others are counted, and named by its title. */
const SHOWN_MODELS = 2;

function Models({ of: channel }: { of: Channel }) {
	return (
		<div title={channel.models.map((m) => m.model).join(", ")} className="flex items-center gap-1 whitespace-nowrap">
			{channel.models.slice(0, SHOWN_MODELS).map((m) => (
				<span key={m.model} title={m.upstream_name}>
					<Tag>{m.model}</Tag>
				</span>
			))}
			{channel.models.length > SHOWN_MODELS && <span className="text-xs text-faint">+{channel.models.length - SHOWN_MODELS}</span>}
		</div>
	);
}

function Keys({ of: { channel, active } }: { of: Row }) {
	const { t } = useTranslation();
	const total = channel.keys.length;
	if (total === 0) return <span className="text-xs text-faint">{t("channels.no_key")}</span>;
	return <Tag tone={active === total ? "ok" : active > 0 ? "warn" : "off"}>{t("channels.keys_in_use", { active, total })}</Tag>;
}

function LastError({ of: channel, test }: { of: Channel; test: ChannelTest | undefined }) {
	const failed = lastError(channel, test);
	return (
		<>
			{test?.ok && <Tag tone="ok">{Math.round(test.latency_ms)} ms</Tag>}
			{failed && (
				<>
					<p className="line-clamp-2 max-w-52 text-xs text-danger" title={failed.text}>
						{failed.text}
					</p>
					{failed.at && <p className="text-xs text-faint">{dateTime(failed.at)}</p>}
				</>
			)}
		</>
	);
}
