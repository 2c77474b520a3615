import { useQuery } from "@tanstack/react-query";
import { Cpu, Pencil, Star, Trash } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminModel } from "@/api/types";
import { admin } from "@/api/weir";
import { Input, Select, Switch } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { STRATEGIES, type Strategy } from "@/lib/channels";
import { compact, credits } from "@/lib/format";
import { keys, queryClient } from "@/queries/client";
import { GroupsPanel } from "./GroupsPanel";
import { AreaHead, attempt, type Column, DeleteDialog, FormDialog, Loading, Table, Tag, Wide } from "./parts";
import { PricesPanel } from "./PricesPanel";
import { RowMenu } from "@/components/ui/RowMenu";

const ABILITIES = ["vision", "reasoning", "audio", "video", "tools"] as const;

const refresh = () => {
	void queryClient.invalidateQueries({ queryKey: keys.models });
	void queryClient.invalidateQueries({ queryKey: keys.admin("prices") });
	return queryClient.invalidateQueries({ queryKey: keys.admin("models") });
};

export function useAdminModels() {
	return useQuery({ queryKey: keys.admin("models"), queryFn: admin.models });
}

export default function ModelsArea() {
	const { data, isPending, error, refetch } = useAdminModels();
	const [editing, setEditing] = useState<AdminModel | "new" | null>(null);
	const [deleting, setDeleting] = useState<AdminModel | null>(null);
	const { t } = useTranslation();
	const models = data?.items ?? [];
	const change = (model: AdminModel, json: Parameters<typeof admin.patchModel>[1]) => attempt(() => admin.patchModel(model.id, json)).then(refresh);
	const columns: Column<AdminModel>[] = [
		{
			name: "name",
			head: t("admin.name"),
			value: (m) => m.name,
			cell: (m) => (
				<>
					<p className="flex items-center gap-2 font-medium">
						{m.display_name || m.name}
						{m.is_default && <Tag tone="accent">{t("admin.default")}</Tag>}
					</p>
					<p className="text-xs text-faint">{m.name}</p>
				</>
			),
		},
		{ name: "input", head: t("admin.price_in"), number: true, value: (m) => m.price_input_per_mtok, cell: (m) => priceText(m.price_input_per_mtok) },
		{ name: "output", head: t("admin.price_out"), number: true, value: (m) => m.price_output_per_mtok, cell: (m) => priceText(m.price_output_per_mtok) },
		{ name: "context", head: t("admin.context"), number: true, value: (m) => m.context_tokens, cell: (m) => compact(m.context_tokens) },
		{
			name: "channels",
			head: t("admin.served_by"),
			value: (m) => m.channels.map((c) => c.name).join(", "),
			cell: (m) => (m.channels.length > 0 ? m.channels.map((c) => c.name).join(", ") : <Tag tone="off">{t("admin.no_channel")}</Tag>),
		},
		{ name: "enabled", head: t("admin.enabled"), className: "w-16", cell: (m) => <Toggle label={m.name} on={m.enabled} onChange={(enabled) => void change(m, { enabled })} /> },
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			cell: (m) => (
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setEditing(m) },
						{ label: t("admin.is_default"), icon: <Star size={15} />, run: () => void change(m, { is_default: true }) },
						{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(m) },
					]}
				/>
			),
		},
	];
	return (
		<>
			<AreaHead title={t("admin.models")} count={models.length} onAdd={() => setEditing("new")} />
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && models.length === 0 && <Empty icon={<Cpu size={26} />} title={t("admin.no_models")} hint={t("admin.no_models_hint")} />}
			{models.length > 0 && <Table label={t("admin.models")} rows={models} columns={columns} rowKey={(m) => m.id} pageSize={25} find={t("table.find")} words={(m) => m.display_name} file="models.csv" />}
			<PricesPanel models={models} />
			<GroupsPanel />
			{editing && <ModelDialog model={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && (
				<DeleteDialog name={deleting.name} remove={() => admin.removeModel(deleting.id).then(refresh)} onClose={() => setDeleting(null)} />
			)}
		</>
	);
}

/** On and off, in a table: the name is for screen readers. */
export function Toggle({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
	const { t } = useTranslation();
	return <Switch bare label={`${t("admin.enabled")}: ${label}`} on={on} onChange={onChange} />;
}

/** None is not free. */
const priceText = (price: number | null) => (price === null ? "–" : credits(price));

function formOf(m: AdminModel | null) {
	return {
		name: m?.name ?? "",
		display_name: m?.display_name ?? "",
		context_tokens: String(m?.context_tokens ?? 128000),
		max_output_tokens: String(m?.max_output_tokens ?? 4096),
		price_input_per_mtok: String(m?.price_input_per_mtok ?? ""),
		price_output_per_mtok: String(m?.price_output_per_mtok ?? ""),
		price_per_call: String(m?.price_per_call ?? 0),
		sort: String(m?.sort ?? 0),
		strategy: m?.strategy ?? "weighted",
	};
}

/** Those that were filled in: an empty one is no price, and not a price of nothing. */
function prices(form: ReturnType<typeof formOf>) {
	const names = ["price_input_per_mtok", "price_output_per_mtok", "price_per_call"] as const;
	return Object.fromEntries(names.filter((name) => form[name].trim() !== "").map((name) => [name, Number(form[name])]));
}

function ModelDialog({ model, onClose }: { model: AdminModel | null; onClose: () => void }) {
	const [form, setForm] = useState(formOf(model));
	const [abilities, setAbilities] = useState<string[]>(model?.abilities ?? []);
	const { t } = useTranslation();
	const field = (name: keyof typeof form, label: string, numeric = true) => (
		<Input
			required={name !== "display_name" && !(model && name.startsWith("price_"))}
			type={numeric ? "number" : "text"}
			step="any"
			label={label}
			value={form[name]}
			onChange={(e) => setForm({ ...form, [name]: e.target.value })}
		/>
	);
	const save = async () => {
		const json = {
			name: form.name.trim(),
			display_name: form.display_name.trim(),
			abilities,
			context_tokens: Number(form.context_tokens),
			max_output_tokens: Number(form.max_output_tokens),
			...prices(form),
			sort: Number(form.sort),
			strategy: form.strategy as Strategy,
		};
		await (model ? admin.patchModel(model.id, json) : admin.createModel(json as Parameters<typeof admin.createModel>[0]));
		await refresh();
	};
	return (
		<FormDialog title={model ? model.name : t("admin.new_model")} save={save} onClose={onClose}>
			{field("name", t("admin.name"), false)}
			{field("display_name", t("admin.display_name"), false)}
			{field("context_tokens", t("admin.context"))}
			{field("max_output_tokens", t("admin.max_output"))}
			{field("price_input_per_mtok", t("admin.price_in"))}
			{field("price_output_per_mtok", t("admin.price_out"))}
			{field("price_per_call", t("admin.price_call"))}
			{field("sort", t("admin.order"))}
			<Wide>
				<Select label={t("channels.strategy")} value={form.strategy} onChange={(e) => setForm({ ...form, strategy: e.target.value })}>
					{STRATEGIES.map((name) => (
						<option key={name} value={name}>
							{t(`channels.strategies.${name}`)}
						</option>
					))}
				</Select>
			</Wide>
			<Wide>
				<fieldset className="grid gap-x-8 sm:grid-cols-2">
					<legend className="mb-1 text-sm font-medium text-soft">{t("admin.abilities")}</legend>
					{ABILITIES.map((name) => (
						<Switch
							key={name}
							label={t(`abilities.${name}`)}
							on={abilities.includes(name)}
							onChange={(on) => setAbilities(on ? [...abilities, name] : abilities.filter((a) => a !== name))}
						/>
					))}
				</fieldset>
			</Wide>
		</FormDialog>
	);
}
