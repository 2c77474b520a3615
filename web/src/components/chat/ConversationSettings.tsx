import { RotateCcw } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "@/api/types";
import { conversations } from "@/api/weir";
import { explain } from "@/lib/explain";
import { NOTHING_SET, numberIn, type Overrides } from "@/lib/overrides";
import { useModels } from "@/queries/account";
import { changeConversation } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Input, Select, Switch, TextArea } from "../ui/Field";

/** How this conversation is answered, beside what its agent or assistant says; of a new one it is kept until it begins. */
export default function ConversationSettings({ conversation, onClose }: { conversation: Conversation | undefined; onClose: () => void }) {
	const draft = useConversation((s) => s.overrides);
	const set: Overrides = conversation ?? { ...NOTHING_SET, ...draft };
	const [model, setModel] = useState(set.model ?? "");
	const [temperature, setTemperature] = useState(String(set.temperature ?? ""));
	const [topP, setTopP] = useState(String(set.top_p ?? ""));
	const [context, setContext] = useState(String(set.context_messages ?? ""));
	const [own, setOwn] = useState(set.prompt !== null);
	const [prompt, setPrompt] = useState(set.prompt ?? "");
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<string | null>(null);
	const { models } = useModels();
	const { t } = useTranslation();
	const next = {
		model: model || null,
		prompt: own ? prompt : null,
		temperature: numberIn(temperature, 2),
		top_p: numberIn(topP, 1),
		context_messages: numberIn(context, 1000, true),
	};
	const wrong = (value: number | null | undefined, max: number) => (value === undefined ? t("assistants.between", { max }) : null);
	const isWhole = [next.temperature, next.top_p, next.context_messages].every((n) => n !== undefined);
	const save = async (change: Overrides) => {
		setProblem(null);
		if (!conversation) {
			useConversation.getState().setOverrides(change);
			return onClose();
		}
		setBusy(true);
		try {
			changeConversation(conversation.id, await conversations.patch(conversation.id, change));
			onClose();
		} catch (e) {
			const { text, detail } = explain(e);
			setProblem(detail ? `${text} ${detail}` : text);
			setBusy(false);
		}
	};
	const submit = (e: FormEvent) => {
		e.preventDefault();
		if (isWhole) void save(next as Overrides);
	};
	return (
		<Dialog title={t("chat.settings")} onClose={onClose}>
			<form onSubmit={submit} className="flex flex-col gap-4" noValidate>
				<p className="text-sm text-soft">{t("assistants.settings_hint")}</p>
				<Select label={t("chat.model")} value={model} onChange={(e) => setModel(e.target.value)}>
					<option value="">{t("assistants.as_usual")}</option>
					{models.map((m) => (
						<option key={m.id} value={m.name}>
							{m.display_name || m.name}
						</option>
					))}
				</Select>
				<div className="grid grid-cols-2 gap-4">
					<Input label={t("assistants.temperature")} inputMode="decimal" value={temperature} error={wrong(next.temperature, 2)} placeholder={t("assistants.as_usual")} onChange={(e) => setTemperature(e.target.value)} />
					<Input label={t("assistants.top_p")} inputMode="decimal" value={topP} error={wrong(next.top_p, 1)} placeholder={t("assistants.as_usual")} onChange={(e) => setTopP(e.target.value)} />
				</div>
				<Input label={t("assistants.context")} hint={t("assistants.context_hint")} inputMode="numeric" value={context} error={wrong(next.context_messages, 1000)} placeholder={t("assistants.as_usual")} onChange={(e) => setContext(e.target.value)} />
				<Switch label={t("assistants.own_prompt")} on={own} onChange={setOwn} />
				{own && <TextArea rows={5} label={t("assistants.prompt")} hint={t("assistants.own_prompt_hint")} maxLength={32000} value={prompt} onChange={(e) => setPrompt(e.target.value)} />}
				{problem && (
					<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
						{problem}
					</p>
				)}
				<div className="flex flex-wrap items-center justify-end gap-2 pt-1">
					<Button look="ghost" icon={<RotateCcw size={15} aria-hidden />} disabled={busy} onClick={() => void save(NOTHING_SET)} className="me-auto">
						{t("assistants.reset")}
					</Button>
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={!isWhole}>
						{t("common.save")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
