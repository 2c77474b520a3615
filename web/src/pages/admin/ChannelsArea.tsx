import { useQuery } from "@tanstack/react-query";
import { Cable, Pencil, PlugZap, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input, Select, Switch, TextArea } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { channelModels, channelModelsText } from "@/lib/channels";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Toggle } from "./ModelsArea";
import { AreaHead, attempt, Cell, DeleteDialog, FormDialog, Loading, Table, Tag, Wide } from "./parts";
import { RowMenu } from "./RowMenu";

const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin() });

export default function ChannelsArea() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.admin("channels"), queryFn: admin.channels });
	const [editing, setEditing] = useState<Channel | "new" | null>(null);
	const [deleting, setDeleting] = useState<Channel | null>(null);
	const { t } = useTranslation();
	const channels = data?.items ?? [];
	return (
		<>
			<AreaHead title={t("admin.channels")} count={channels.length} onAdd={() => setEditing("new")} />
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && channels.length === 0 && <Empty icon={<Cable size={26} />} title={t("admin.no_channels")} hint={t("admin.no_channels_hint")} />}
			{channels.length > 0 && (
				<Table label={t("admin.channels")} heads={[t("admin.name"), t("admin.channel_models"), t("admin.priority"), t("admin.weight"), t("admin.key"), t("admin.enabled"), t("admin.actions")]}>
					{channels.map((c) => (
						<ChannelRow key={c.id} channel={c} onEdit={() => setEditing(c)} onDelete={() => setDeleting(c)} />
					))}
				</Table>
			)}
			{editing && <ChannelDialog channel={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && (
				<DeleteDialog name={deleting.name} remove={() => admin.removeChannel(deleting.id).then(refresh)} onClose={() => setDeleting(null)} />
			)}
		</>
	);
}

function ChannelRow({ channel, onEdit, onDelete }: { channel: Channel; onEdit: () => void; onDelete: () => void }) {
	const [testing, setTesting] = useState(false);
	const { t } = useTranslation();
	const test = async () => {
		setTesting(true);
		await attempt(async () => {
			const r = await admin.testChannel(channel.id);
			if (r.ok) toast("ok", t("admin.test_ok", { name: channel.name, ms: Math.round(r.latency_ms) }), { detail: r.text ?? undefined });
			else
				toast("danger", t("admin.test_failed", { name: channel.name }), {
					detail: [r.http_status > 0 && `HTTP ${r.http_status}`, r.error, r.detail].filter(Boolean).join(" · "),
				});
		});
		setTesting(false);
	};
	return (
		<tr>
			<Cell>
				<p className="font-medium">{channel.name}</p>
				<p className="max-w-72 truncate text-xs text-faint">
					{channel.provider} · {channel.base_url}
				</p>
			</Cell>
			<Cell>
				<div className="flex max-w-64 flex-wrap gap-1">
					{channel.models.map((m) => (
						<Tag key={m.model}>{m.model}</Tag>
					))}
				</div>
			</Cell>
			<Cell className="tabular-nums">{channel.priority}</Cell>
			<Cell className="tabular-nums">{channel.weight}</Cell>
			<Cell>
				<Tag tone={channel.has_key ? "ok" : "plain"}>{t(channel.has_key ? "admin.has_key" : "common.none")}</Tag>
			</Cell>
			<Cell className="w-16">
				<Toggle
					label={channel.name}
					on={channel.enabled}
					onChange={(enabled) => void attempt(() => admin.patchChannel(channel.id, { enabled })).then(refresh)}
				/>
			</Cell>
			<Cell className="text-end whitespace-nowrap">
				<Button small busy={testing} icon={<PlugZap size={14} aria-hidden />} onClick={() => void test()} className="me-1">
					{t("admin.test")}
				</Button>
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: onEdit },
						{ label: t("common.delete"), icon: <Trash2 size={15} />, danger: true, run: onDelete },
					]}
				/>
			</Cell>
		</tr>
	);
}

/** What a provider speaks, and where its maker's own is. */
const PROVIDERS: Record<string, { label: string | null; url: string }> = {
	openai: { label: null, url: "https://api.openai.com/v1" },
	responses: { label: "OpenAI Responses", url: "https://api.openai.com/v1" },
	anthropic: { label: "Anthropic", url: "https://api.anthropic.com" },
	gemini: { label: "Google Gemini", url: "https://generativelanguage.googleapis.com" },
};

/** With another provider goes its address, unless somebody has typed one. */
function withProvider({ base_url }: { base_url: string }, provider: string) {
	const untouched = base_url === "https://" || Object.values(PROVIDERS).some(({ url }) => url === base_url);
	return { provider, base_url: untouched ? (PROVIDERS[provider]?.url ?? base_url) : base_url };
}

function ChannelDialog({ channel, onClose }: { channel: Channel | null; onClose: () => void }) {
	const [form, setForm] = useState({
		name: channel?.name ?? "",
		provider: channel?.provider ?? "openai",
		base_url: channel?.base_url ?? PROVIDERS.openai!.url,
		priority: String(channel?.priority ?? 0),
		weight: String(channel?.weight ?? 1),
		key: "",
		models: channelModelsText(channel?.models ?? []),
		allow_private: channel?.allow_private ?? false,
		responses: channel?.responses ?? false,
	});
	const { t } = useTranslation();
	const field = (name: "name" | "base_url" | "priority" | "weight" | "key") => ({
		value: form[name],
		onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
	});
	const save = async () => {
		const json = {
			name: form.name.trim(),
			provider: form.provider.trim(),
			base_url: form.base_url.trim(),
			priority: Number(form.priority),
			weight: Number(form.weight),
			allow_private: form.allow_private,
			responses: form.responses,
			models: channelModels(form.models),
			...(form.key.trim() && { api_key: form.key.trim() }),
		};
		await (channel ? admin.patchChannel(channel.id, json) : admin.createChannel(json));
		await refresh();
	};
	return (
		<FormDialog title={channel ? channel.name : t("admin.new_channel")} save={save} onClose={onClose}>
			<Input autoFocus required label={t("admin.name")} {...field("name")} />
			<Select label={t("admin.provider")} value={form.provider} onChange={(e) => setForm({ ...form, ...withProvider(form, e.target.value) })}>
				{Object.entries(PROVIDERS).map(([name, { label }]) => (
					<option key={name} value={name}>
						{label ?? t("admin.provider_openai")}
					</option>
				))}
			</Select>
			<Wide>
				<Input required type="url" label={t("admin.base_url")} {...field("base_url")} />
			</Wide>
			<Wide>
				<Input
					type="password"
					autoComplete="off"
					label={t("admin.api_key")}
					hint={t(channel?.has_key ? "admin.api_key_keep" : "admin.api_key_sealed")}
					{...field("key")}
				/>
			</Wide>
			<Input required type="number" label={t("admin.priority")} {...field("priority")} />
			<Input required type="number" min={0} label={t("admin.weight")} {...field("weight")} />
			<Wide>
				<TextArea
					label={t("admin.channel_models")}
					hint={t("admin.channel_models_hint")}
					value={form.models}
					onChange={(e) => setForm({ ...form, models: e.target.value })}
				/>
			</Wide>
			<Wide>
				<Switch label={t("admin.allow_private")} on={form.allow_private} onChange={(allow_private) => setForm({ ...form, allow_private })} />
			</Wide>
			{form.provider === "openai" && (
				<Wide>
					<Switch label={t("admin.speaks_responses")} on={form.responses} onChange={(responses) => setForm({ ...form, responses })} />
				</Wide>
			)}
		</FormDialog>
	);
}
