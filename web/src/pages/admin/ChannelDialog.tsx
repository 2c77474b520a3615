import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel, Provider } from "@/api/types";
import { admin } from "@/api/weir";
import { Input, Select, Switch, TextArea } from "@/components/ui/Field";
import { channelModels, channelModelsText, jsonObject, words } from "@/lib/channels";
import { keys } from "@/queries/client";
import { FetchModels } from "./FetchModels";
import { FormDialog, Wide } from "./parts";

/** With another provider goes its address, unless somebody has typed one. */
function withProvider(providers: Provider[], { base_url }: { base_url: string }, provider: string) {
	const untouched = base_url === "" || providers.some((p) => p.base_url === base_url);
	return { provider, base_url: untouched ? (providers.find((p) => p.name === provider)?.base_url ?? base_url) : base_url };
}

/** Whom a channel may name, and until they are known only whom it names. */
function useProviders(named: string): Provider[] {
	const { data } = useQuery({ queryKey: keys.admin("providers"), queryFn: admin.providers, staleTime: Infinity });
	return data?.items ?? [{ name: named, label: named, wire: "openai", base_url: "", note: null }];
}

const json = (value: unknown) => (value && Object.keys(value).length > 0 ? JSON.stringify(value, null, 2) : "");

function formOf(c: Channel | null) {
	return {
		name: c?.name ?? "",
		provider: c?.provider ?? "openai",
		base_url: c?.base_url ?? "https://api.openai.com/v1",
		priority: String(c?.priority ?? 0),
		weight: String(c?.weight ?? 1),
		key: "",
		models: channelModelsText(c?.models ?? []),
		groups: (c?.groups ?? []).join(", "),
		region: c?.region ?? "",
		tag: c?.tag ?? "",
		blacklist: (c?.blacklist ?? []).join(", "),
		rpm: c?.rpm ? String(c.rpm) : "",
		max_concurrent: c?.max_concurrent ? String(c.max_concurrent) : "",
		test_model: c?.test_model ?? "",
		params: json(c?.param_override),
		headers: json(c?.header_override),
		proxy: "",
	};
}
type Form = ReturnType<typeof formOf>;

function bodyOf(form: Form) {
	return {
		name: form.name.trim(),
		provider: form.provider,
		base_url: form.base_url.trim(),
		priority: Number(form.priority),
		weight: Number(form.weight),
		models: channelModels(form.models),
		groups: words(form.groups),
		region: form.region.trim(),
		tag: form.tag.trim(),
		blacklist: words(form.blacklist),
		rpm: form.rpm ? Number(form.rpm) : null,
		max_concurrent: form.max_concurrent ? Number(form.max_concurrent) : null,
		test_model: form.test_model || null,
		param_override: jsonObject(form.params) ?? {},
		header_override: jsonObject(form.headers) ?? {},
		...(form.key.trim() && { api_key: form.key.trim() }),
		...(form.proxy.trim() && { proxy: form.proxy.trim() }),
	};
}

export function ChannelDialog({ channel, onSaved, onClose }: { channel: Channel | null; onSaved: () => Promise<unknown>; onClose: () => void }) {
	const [form, setForm] = useState(formOf(channel));
	const [flags, setFlags] = useState({
		allow_private: channel?.allow_private ?? false,
		auto_disable: channel?.auto_disable ?? true,
		responses: channel?.responses ?? false,
	});
	const [noProxy, setNoProxy] = useState(false);
	const providers = useProviders(form.provider);
	const { t } = useTranslation();
	const field = (name: keyof Form) => ({
		value: form[name],
		onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
	});
	const wrong = (text: string) => (jsonObject(text) ? null : t("channels.not_an_object"));
	const save = async () => {
		const body = { ...bodyOf(form), ...flags, ...(noProxy && { proxy: null }) };
		await (channel ? admin.patchChannel(channel.id, body) : admin.createChannel(body));
		await onSaved();
	};
	return (
		<FormDialog title={channel ? channel.name : t("admin.new_channel")} valid={!wrong(form.params) && !wrong(form.headers)} save={save} onClose={onClose}>
			<Part title={t("channels.provider_part")} />
			<Input autoFocus required label={t("admin.name")} {...field("name")} />
			<Select label={t("admin.provider")} value={form.provider} onChange={(e) => setForm({ ...form, ...withProvider(providers, form, e.target.value) })}>
				{providers.map(({ name, label }) => (
					<option key={name} value={name}>
						{label}
					</option>
				))}
			</Select>
			<Wide>
				<Input
					required
					type="url"
					label={t("admin.base_url")}
					hint={providers.find((p) => p.name === form.provider)?.note ?? (form.base_url.includes("{") ? t("admin.base_url_parts") : undefined)}
					{...field("base_url")}
				/>
			</Wide>
			{(channel?.keys.length ?? 0) < 2 && (
				<Wide>
					<Input type="password" autoComplete="off" label={t("admin.api_key")} hint={t(channel?.has_key ? "admin.api_key_keep" : "admin.api_key_sealed")} {...field("key")} />
				</Wide>
			)}
			<Wide>
				<Switch label={t("admin.allow_private")} on={flags.allow_private} onChange={(allow_private) => setFlags({ ...flags, allow_private })} />
				<Switch label={t("channels.auto_disable")} on={flags.auto_disable} onChange={(auto_disable) => setFlags({ ...flags, auto_disable })} />
				{providers.find((p) => p.name === form.provider)?.wire === "openai" && (
					<Switch label={t("admin.speaks_responses")} on={flags.responses} onChange={(responses) => setFlags({ ...flags, responses })} />
				)}
			</Wide>

			<Part title={t("channels.models_part")} />
			<Wide>
				<TextArea label={t("admin.channel_models")} hint={t("admin.channel_models_hint")} {...field("models")} />
				<div className="mt-2">
					{channel ? (
						<FetchModels channel={channel} served={channelModels(form.models)} onTake={(models) => setForm({ ...form, models: channelModelsText(models) })} />
					) : (
						<p className="text-xs text-faint">{t("channels.fetch_after")}</p>
					)}
				</div>
			</Wide>
			<Select label={t("channels.test_model")} {...field("test_model")}>
				<option value="">{t("channels.test_model_first")}</option>
				{channelModels(form.models).map(({ model }) => (
					<option key={model} value={model}>
						{model}
					</option>
				))}
			</Select>
			<Input label={t("channels.blacklist")} hint={t("channels.blacklist_hint")} {...field("blacklist")} />

			<Part title={t("channels.routing")} />
			<Input required type="number" label={t("admin.priority")} {...field("priority")} />
			<Input required type="number" min={0} label={t("admin.weight")} {...field("weight")} />
			<Input label={t("channels.groups")} hint={t("channels.groups_hint")} {...field("groups")} />
			<Input label={t("channels.region")} hint={t("channels.region_hint")} {...field("region")} />
			<Input label={t("channels.tag")} {...field("tag")} />
			<Input type="number" min={1} label={t("channels.rpm")} hint={t("channels.no_limit")} {...field("rpm")} />
			<Input type="number" min={1} label={t("channels.max_concurrent")} hint={t("channels.max_concurrent_hint")} {...field("max_concurrent")} />

			<Part title={t("channels.said_otherwise")} />
			<TextArea rows={3} spellCheck={false} className="font-mono text-sm" label={t("channels.params")} hint={t("channels.params_hint")} error={wrong(form.params)} {...field("params")} />
			<TextArea rows={3} spellCheck={false} className="font-mono text-sm" label={t("channels.headers")} hint={t("channels.headers_hint")} error={wrong(form.headers)} {...field("headers")} />
			<Wide>
				<Input type="password" autoComplete="off" label={t("channels.proxy")} hint={t(channel?.has_proxy ? "channels.proxy_keep" : "channels.proxy_hint")} disabled={noProxy} {...field("proxy")} />
				{channel?.has_proxy && <Switch label={t("channels.proxy_remove")} on={noProxy} onChange={setNoProxy} />}
			</Wide>
		</FormDialog>
	);
}

/** The head of a part of the form. */
function Part({ title }: { title: string }) {
	return <h3 className="border-b border-line pt-2 pb-1 text-sm font-semibold text-ink first:pt-0 sm:col-span-2">{title}</h3>;
}
