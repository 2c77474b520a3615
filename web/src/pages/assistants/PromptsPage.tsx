import { useQuery } from "@tanstack/react-query";
import { Download, MessageSquareQuote, Pencil, Plus, Trash, Upload } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Prompt, prompts } from "@/api/assistants";
import { Button } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Input, TextArea } from "@/components/ui/Field";
import { RowMenu } from "@/components/ui/RowMenu";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { saveFile } from "@/lib/download";
import { explain } from "@/lib/explain";
import { find, readPrompts, variablesOf } from "@/lib/prompts";
import { PROMPTS } from "@/queries/assistants";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { attempt, Frame } from "./AssistantPages";

const refresh = () => queryClient.invalidateQueries({ queryKey: PROMPTS });

export function PromptsPage() {
	const { data, error, refetch } = useQuery({ queryKey: PROMPTS, queryFn: prompts.all });
	const [editing, setEditing] = useState<Prompt | "new" | null>(null);
	const [deleting, setDeleting] = useState<Prompt | null>(null);
	const [wanted, setWanted] = useState("");
	const picker = useRef<HTMLInputElement>(null);
	const { t } = useTranslation();
	const bring = async (file: File) => {
		const list = readPrompts(await file.text());
		if (!list) toast("warn", t("assistants.unknown_file"), { detail: file.name });
		else
			await attempt(async () => {
				const { added } = await prompts.bring(list);
				toast("info", t("assistants.brought", { count: added }));
			});
		await refresh();
	};
	return (
		<Frame
			tools={
				<Button look="solid" className="h-11" icon={<Plus size={16} aria-hidden />} onClick={() => setEditing("new")}>
					{t("assistants.new_prompt")}
				</Button>
			}
		>
			<p className="text-sm text-soft">{t("assistants.prompts_hint")}</p>
			<div className="flex flex-wrap gap-2">
				<div className="min-w-40 grow">
					<Input bare type="search" label={t("assistants.find")} placeholder={t("assistants.find")} value={wanted} onChange={(e) => setWanted(e.target.value)} />
				</div>
				<input
					ref={picker}
					type="file"
					accept="application/json,.json"
					aria-label={t("assistants.import")}
					className="hidden"
					onChange={(e) => {
						const file = e.target.files?.[0];
						e.target.value = "";
						if (file) void bring(file);
					}}
				/>
				<Button icon={<Upload size={16} aria-hidden />} onClick={() => picker.current?.click()}>
					{t("assistants.import")}
				</Button>
				<Button icon={<Download size={16} aria-hidden />} disabled={!data?.length} onClick={() => void attempt(async () => saveFile(await prompts.file(), "prompts.json"))}>
					{t("assistants.export")}
				</Button>
			</div>
			{error && !data && <Failed error={error} onRetry={() => void refetch()} />}
			{!data && !error && <Skeleton className="h-40" />}
			{data?.length === 0 && <Empty icon={<MessageSquareQuote size={28} />} title={t("assistants.no_prompts")} hint={t("assistants.no_prompts_hint")} />}
			<ul className="flex flex-col gap-3">
				{find(data ?? [], wanted).map((p) => (
					<li key={p.id} className="flex items-start gap-3 rounded-2xl border border-line bg-raised p-4">
						<div className="min-w-0 grow">
							<h2 className="font-medium break-words">{p.name}</h2>
							<p className="line-clamp-3 text-sm break-words whitespace-pre-line text-soft">{p.text}</p>
							{variablesOf(p.text).length > 0 && <p className="pt-1 text-xs text-faint">{t("assistants.variables", { names: variablesOf(p.text).join(", ") })}</p>}
						</div>
						<RowMenu
							label={t("assistants.actions", { name: p.name })}
							actions={[
								{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setEditing(p) },
								{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(p) },
							]}
						/>
					</li>
				))}
			</ul>
			{editing && <PromptDialog prompt={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && (
				<Confirm
					title={t("assistants.delete_title", { name: deleting.name })}
					text={t("assistants.delete_prompt_text")}
					action={t("common.delete")}
					onConfirm={() => void attempt(() => prompts.remove(deleting.id)).then(refresh).then(() => setDeleting(null))}
					onClose={() => setDeleting(null)}
				/>
			)}
		</Frame>
	);
}

function PromptDialog({ prompt, onClose }: { prompt: Prompt | null; onClose: () => void }) {
	const [name, setName] = useState(prompt?.name ?? "");
	const [text, setText] = useState(prompt?.text ?? "");
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<string | null>(null);
	const { t } = useTranslation();
	const submit = async (e: FormEvent) => {
		e.preventDefault();
		setBusy(true);
		try {
			await (prompt ? prompts.patch(prompt.id, { name: name.trim(), text }) : prompts.create({ name: name.trim(), text }));
			await refresh();
			onClose();
		} catch (error) {
			setProblem(explain(error).text);
			setBusy(false);
		}
	};
	return (
		<Dialog wide title={prompt ? prompt.name : t("assistants.new_prompt")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-4" noValidate>
				<Input autoFocus label={t("assistants.name")} maxLength={100} value={name} onChange={(e) => setName(e.target.value)} />
				<TextArea rows={8} label={t("assistants.text")} hint={t("assistants.text_hint", { open: "{{", close: "}}" })} maxLength={16000} value={text} onChange={(e) => setText(e.target.value)} />
				{problem && (
					<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
						{problem}
					</p>
				)}
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={name.trim() === "" || text.trim() === ""}>
						{t("common.save")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
