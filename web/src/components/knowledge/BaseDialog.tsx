import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Base, knowledge } from "@/api/knowledge";
import { catalog } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input, Select, TextArea } from "@/components/ui/Field";
import { keys } from "@/queries/client";
import { Problem, useSave } from "./parts";

/** Makes a base, or changes one. */
export function BaseDialog({ base, onClose, onMade }: { base: Base | null; onClose: () => void; onMade?: (base: Base) => void }) {
	const [form, setForm] = useState({
		name: base?.name ?? "",
		description: base?.description ?? "",
		embedding_model: base?.embedding_model ?? "",
		tokens: String(base?.chunk.tokens ?? ""),
		overlap: String(base?.chunk.overlap ?? ""),
	});
	const { t } = useTranslation();
	const { data } = useQuery({ queryKey: keys.models, queryFn: catalog.models, staleTime: 300_000 });
	const models = (data?.items ?? []).filter((m) => m.type === "embedding");
	const field = (name: keyof typeof form) => ({
		value: form[name],
		onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
	});
	const model = form.embedding_model || models.find((m) => m.is_default)?.name || models[0]?.name;
	const chunk = { ...(form.tokens && { tokens: Number(form.tokens) }), ...(form.overlap && { overlap: Number(form.overlap) }) };
	const { busy, problem, submit } = useSave(async () => {
		const json = {
			name: form.name.trim(),
			description: form.description.trim(),
			...(model && { embedding_model: model }),
			...(Object.keys(chunk).length > 0 && { chunk }),
		};
		if (base) await knowledge.patch(base.id, json);
		else onMade?.(await knowledge.create(json));
	}, onClose);
	const changesModel = base !== null && base.embedding_model !== null && form.embedding_model !== base.embedding_model;
	return (
		<Dialog title={base ? base.name : t("knowledge.new")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-4">
				<Input autoFocus required maxLength={200} label={t("knowledge.name")} {...field("name")} />
				<TextArea rows={2} maxLength={2000} label={t("knowledge.description")} {...field("description")} />
				{models.length > 0 ? (
					<Select label={t("knowledge.model")} {...field("embedding_model")} value={model}>
						{models.map((m) => (
							<option key={m.id} value={m.name}>
								{m.display_name}
							</option>
						))}
					</Select>
				) : (
					data && <p className="text-sm text-faint">{t("knowledge.no_model")}</p>
				)}
				{changesModel && <p className="rounded-lg bg-warn-tint px-3 py-2 text-sm">{t("knowledge.model_change")}</p>}
				<details className="text-sm">
					<summary className="w-fit rounded py-1 text-soft">{t("knowledge.advanced")}</summary>
					<div className="grid grid-cols-2 gap-4 pt-3">
						<Input type="number" min={50} max={2000} placeholder="250" label={t("knowledge.chunk_tokens")} {...field("tokens")} />
						<Input type="number" min={0} max={50} placeholder="15" label={t("knowledge.chunk_overlap")} {...field("overlap")} />
					</div>
					<p className="pt-2 text-xs text-faint">{t("knowledge.chunk_hint")}</p>
				</details>
				<Problem text={problem} />
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={form.name.trim() === ""}>
						{base ? t("common.save") : t("knowledge.create")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
