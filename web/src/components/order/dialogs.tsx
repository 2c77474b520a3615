import { Folder as FolderIcon, FolderPlus, FolderX } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { exportMany, folders } from "@/api/order";
import type { Folder } from "@/api/types";
import { explain } from "@/lib/explain";
import { saveFile } from "@/lib/download";
import { refreshOrder, useFolders } from "@/queries/order";
import { Button } from "../ui/Button";
import { Confirm, Dialog } from "../ui/Dialog";
import { Input } from "../ui/Field";

const NAME_MAX = 60;

/** A folder is named: a new one, or another name. */
export function FolderDialog({ folder, onDone, onClose }: { folder: Folder | null; onDone?: (folder: Folder) => void; onClose: () => void }) {
	const [name, setName] = useState(folder?.name ?? "");
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<string | null>(null);
	const { t } = useTranslation();
	const submit = async (e: FormEvent) => {
		e.preventDefault();
		if (name.trim() === "") return setError(t("order.name_missing"));
		setBusy(true);
		try {
			const made = folder ? await folders.patch(folder.id, { name: name.trim() }) : await folders.create(name.trim());
			await refreshOrder();
			onDone?.(made);
			onClose();
		} catch (problem) {
			setError(explain(problem).text);
			setBusy(false);
		}
	};
	return (
		<Dialog title={t(folder ? "order.rename_folder" : "order.new_folder")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} noValidate className="flex flex-col gap-4">
				<Input autoFocus label={t("order.name")} value={name} maxLength={NAME_MAX} error={error} onChange={(e) => setName(e.target.value)} />
				<Button type="submit" look="solid" busy={busy} className="self-end">
					{t("order.save")}
				</Button>
			</form>
		</Dialog>
	);
}

export function RemoveFolder({ folder, onClose }: { folder: Folder; onClose: () => void }) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<string | null>(null);
	const { t } = useTranslation();
	const remove = async () => {
		setBusy(true);
		try {
			await folders.remove(folder.id);
			await refreshOrder();
			onClose();
		} catch (problem) {
			setError(explain(problem).text);
			setBusy(false);
		}
	};
	return (
		<Confirm title={t("order.remove_folder")} text={t("order.remove_folder_text", { name: folder.name })} action={t("order.remove_folder")} busy={busy} onConfirm={() => void remove()} onClose={onClose}>
			{error && (
				<p role="alert" className="mt-3 text-sm text-danger">
					{error}
				</p>
			)}
		</Confirm>
	);
}

/** Where to. */
export function MoveDialog({ count, inFolder, onMove, onClose }: { count: number; inFolder: boolean; onMove: (folder: Folder | null) => void; onClose: () => void }) {
	const { data } = useFolders();
	const [making, setMaking] = useState(false);
	const { t } = useTranslation();
	const choose = (folder: Folder | null) => {
		onMove(folder);
		onClose();
	};
	if (making) return <FolderDialog folder={null} onDone={choose} onClose={onClose} />;
	return (
		<Dialog title={t("order.move_title", { count })} onClose={onClose}>
			<ul className="flex flex-col gap-0.5">
				{data?.map((f) => (
					<Choice key={f.id} icon={<FolderIcon size={16} />} onClick={() => choose(f)}>
						{f.name}
					</Choice>
				))}
				{inFolder && (
					<Choice icon={<FolderX size={16} />} onClick={() => choose(null)}>
						{t("order.no_folder")}
					</Choice>
				)}
				<Choice icon={<FolderPlus size={16} />} onClick={() => setMaking(true)}>
					{t("order.new_folder")}
				</Choice>
			</ul>
		</Dialog>
	);
}

function Choice({ icon, onClick, children }: { icon: ReactNode; onClick: () => void; children: ReactNode }) {
	return (
		<li>
			<button type="button" onClick={onClick} className="flex h-11 w-full items-center gap-3 rounded-lg px-3 text-start text-sm hover:bg-hover">
				<span aria-hidden className="text-faint">
					{icon}
				</span>
				<span className="truncate">{children}</span>
			</button>
		</li>
	);
}

export function ExportDialog({ ids, onClose }: { ids: string[]; onClose: () => void }) {
	const [busy, setBusy] = useState<"json" | "markdown" | null>(null);
	const [error, setError] = useState<string | null>(null);
	const { t } = useTranslation();
	const save = async (format: "json" | "markdown") => {
		setBusy(format);
		try {
			saveFile(await exportMany(ids, format), `conversations.${format === "json" ? "json" : "md"}`);
			onClose();
		} catch (problem) {
			setError(explain(problem).text);
			setBusy(null);
		}
	};
	return (
		<Dialog title={t("order.export_title", { count: ids.length })} onClose={onClose}>
			<p className="text-sm text-soft">{t("order.export_text")}</p>
			{error && (
				<p role="alert" className="mt-3 text-sm text-danger">
					{error}
				</p>
			)}
			<div className="mt-5 flex flex-wrap justify-end gap-2">
				<Button busy={busy === "markdown"} onClick={() => void save("markdown")}>
					Markdown
				</Button>
				<Button look="solid" busy={busy === "json"} onClick={() => void save("json")}>
					JSON
				</Button>
			</div>
		</Dialog>
	);
}
