import { ImagePlus, Plus, X } from "lucide-react";
import { type FormEvent, lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type AssistantDetails, assistants } from "@/api/assistants";
import { uploads } from "@/api/weir";
import { Face } from "@/components/assistants/Face";
import type { Chosen } from "@/components/knowledge/BaseChoice";
import { Button, IconButton } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input, Select, TextArea } from "@/components/ui/Field";
import { Skeleton } from "@/components/ui/State";
import { withTexts } from "@/i18n/texts";
import { explain } from "@/lib/explain";
import { numberIn } from "@/lib/overrides";
import { useModels } from "@/queries/account";
import { refreshAssistants } from "@/queries/assistants";
import { useConversation } from "@/stores/conversation";
import { attempt } from "./AssistantPages";

const ServerChoice = lazy(() => withTexts(["tools"], import("@/components/tools/ToolChoice").then((m) => ({ default: m.ServerChoice }))));
const BaseChoice = lazy(() => withTexts(["knowledge"], import("@/components/knowledge/BaseChoice").then((m) => ({ default: m.BaseChoice }))));
const OPENERS_MAX = 6;
const TOKENS_MAX = 10_000_000;

/** Make an assistant, change one, or make another like it. */
export function AssistantForm({ assistant: a, copy, onClose }: { assistant: AssistantDetails | null; copy: boolean; onClose: () => void }) {
	const { t } = useTranslation();
	const { models } = useModels();
	const [form, setForm] = useState({
		name: a ? (copy ? t("assistants.copy_of", { name: a.name }).slice(0, 100) : a.name) : "",
		description: a?.description ?? "",
		avatar: a?.avatar ?? "",
		prompt: a?.prompt ?? "",
		model: a?.model ?? "",
		temperature: String(a?.temperature ?? ""),
		top_p: String(a?.top_p ?? ""),
		max_tokens: String(a?.max_tokens ?? ""),
		context_messages: String(a?.context_messages ?? ""),
	});
	const [openers, setOpeners] = useState<string[]>(a?.openers.length ? a.openers : [""]);
	const [picture, setPicture] = useState(a?.picture_id ?? null);
	const [knowledge, setKnowledge] = useState<Chosen>({ ids: a?.knowledge_ids ?? [], mode: a?.knowledge_mode ?? "auto", rewrite: a?.knowledge_rewrite ?? false });
	const [tools, setTools] = useState(a?.tool_servers ?? []);
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<string | null>(null);
	const field = (name: keyof typeof form) => ({
		value: form[name],
		onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
	});
	const numbers = {
		temperature: numberIn(form.temperature, 2),
		top_p: numberIn(form.top_p, 1),
		max_tokens: form.max_tokens.trim() === "0" ? undefined : numberIn(form.max_tokens, TOKENS_MAX, true),
		context_messages: numberIn(form.context_messages, 1000, true),
	};
	const wrong = (name: keyof typeof numbers, max: number) => (numbers[name] === undefined ? t("assistants.between", { max }) : null);
	const isWhole = form.name.trim() !== "" && Object.values(numbers).every((n) => n !== undefined);
	const submit = async (e: FormEvent) => {
		e.preventDefault();
		if (!isWhole) return;
		setBusy(true);
		setProblem(null);
		const json = {
			name: form.name.trim(),
			description: form.description,
			avatar: form.avatar.trim(),
			picture_id: picture,
			prompt: form.prompt,
			model: form.model || null,
			...(numbers as Record<keyof typeof numbers, number | null>),
			openers: openers.map((o) => o.trim()).filter(Boolean),
			knowledge_ids: knowledge.ids,
			knowledge_mode: knowledge.mode,
			knowledge_rewrite: knowledge.rewrite,
			...(tools !== a?.tool_servers && { tool_servers: tools }),
		};
		try {
			const saved = a && !copy ? await assistants.patch(a.id, json) : await assistants.create(json);
			if (useConversation.getState().assistant?.id === saved.id) useConversation.getState().setAssistant(saved);
			await refreshAssistants();
			onClose();
		} catch (error) {
			const { text, detail } = explain(error);
			setProblem(detail ? `${text} ${detail}` : text);
			setBusy(false);
		}
	};
	return (
		<Dialog wide title={a && !copy ? a.name : t("assistants.new")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-5" noValidate>
				<div className="flex flex-wrap items-end gap-4">
					<PictureChoice avatar={form.avatar} picture={picture} onChange={setPicture} />
					<div className="w-28">
						<Input label={t("assistants.avatar")} maxLength={16} placeholder="🦊" disabled={picture !== null} {...field("avatar")} />
					</div>
					<div className="min-w-52 grow">
						<Input autoFocus required label={t("assistants.name")} maxLength={100} {...field("name")} />
					</div>
				</div>
				<Input label={t("assistants.description")} maxLength={2000} {...field("description")} />
				<TextArea rows={6} label={t("assistants.prompt")} hint={t("assistants.prompt_hint")} maxLength={32000} {...field("prompt")} />
				<fieldset className="flex flex-col gap-2">
					<legend className="pb-1.5 text-sm font-medium text-soft">{t("assistants.openers")}</legend>
					{openers.map((o, i) => (
						<div key={i} className="flex items-center gap-2">
							<div className="grow">
								<Input bare label={t("assistants.opener_n", { n: i + 1 })} maxLength={255} value={o} onChange={(e) => setOpeners(openers.map((x, k) => (k === i ? e.target.value : x)))} />
							</div>
							<IconButton label={t("assistants.opener_remove", { n: i + 1 })} onClick={() => setOpeners(openers.filter((_, k) => k !== i))}>
								<X size={16} />
							</IconButton>
						</div>
					))}
					{openers.length < OPENERS_MAX && (
						<Button small icon={<Plus size={14} aria-hidden />} className="self-start" onClick={() => setOpeners([...openers, ""])}>
							{t("assistants.opener_add")}
						</Button>
					)}
				</fieldset>
				<div className="grid gap-4 sm:grid-cols-2">
					<Select label={t("chat.model")} {...field("model")}>
						<option value="">{t("assistants.default_model")}</option>
						{models.map((m) => (
							<option key={m.id} value={m.name}>
								{m.display_name || m.name}
							</option>
						))}
					</Select>
					<Input label={t("assistants.context")} hint={t("assistants.context_hint")} inputMode="numeric" placeholder={t("assistants.as_many")} error={wrong("context_messages", 1000)} {...field("context_messages")} />
					<Input label={t("assistants.temperature")} inputMode="decimal" placeholder={t("assistants.provider_default")} error={wrong("temperature", 2)} {...field("temperature")} />
					<Input label={t("assistants.top_p")} inputMode="decimal" placeholder={t("assistants.provider_default")} error={wrong("top_p", 1)} {...field("top_p")} />
					<Input label={t("assistants.max_tokens")} inputMode="numeric" placeholder={t("assistants.model_allows")} error={wrong("max_tokens", TOKENS_MAX)} {...field("max_tokens")} />
				</div>
				<div>
					<p className="pb-1.5 text-sm font-medium text-soft">{t("account.knowledge")}</p>
					<Suspense fallback={<Skeleton className="h-24" />}>
						<BaseChoice chosen={knowledge} onChange={setKnowledge} />
					</Suspense>
				</div>
				<div>
					<p className="pb-1.5 text-sm font-medium text-soft">{t("upload.tools")}</p>
					<Suspense fallback={<Skeleton className="h-12" />}>
						<ServerChoice chosen={tools} onChange={setTools} />
					</Suspense>
				</div>
				{problem && (
					<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
						{problem}
					</p>
				)}
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={!isWhole}>
						{t("common.save")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

/** A picture in place of the emoji: one of the user's uploads. */
function PictureChoice({ avatar, picture, onChange }: { avatar: string; picture: string | null; onChange: (id: string | null) => void }) {
	const picker = useRef<HTMLInputElement>(null);
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const upload = async (file: File) => {
		setBusy(true);
		await attempt(async () => onChange((await uploads.post(file)).id));
		setBusy(false);
	};
	return (
		<div className="flex items-center gap-2">
			{picture ? <Uploaded key={picture} id={picture} /> : <Face assistant={{ id: "", avatar: avatar.trim(), has_picture: false }} className="size-14 text-3xl" />}
			<input
				ref={picker}
				type="file"
				accept="image/png,image/jpeg,image/webp,image/gif"
				aria-label={t("assistants.picture")}
				className="hidden"
				onChange={(e) => {
					const file = e.target.files?.[0];
					e.target.value = "";
					if (file) void upload(file);
				}}
			/>
			{picture ? (
				<IconButton label={t("assistants.picture_remove")} onClick={() => onChange(null)}>
					<X size={16} />
				</IconButton>
			) : (
				<IconButton label={t("assistants.picture")} disabled={busy} onClick={() => picker.current?.click()}>
					<ImagePlus size={18} />
				</IconButton>
			)}
		</div>
	);
}

function Uploaded({ id }: { id: string }) {
	const [src, setSrc] = useState<string>();
	useEffect(() => {
		let made: string | undefined;
		let current = true;
		uploads.read(`${location.origin}/api/uploads/${id}/thumbnail`).then(
			(blob) => {
				if (current) setSrc((made = URL.createObjectURL(blob)));
			},
			() => undefined,
		);
		return () => {
			current = false;
			if (made) URL.revokeObjectURL(made);
		};
	}, [id]);
	return <span className="size-14 shrink-0 overflow-hidden rounded-full bg-tint">{src && <img src={src} alt="" className="size-full object-cover" />}</span>;
}
