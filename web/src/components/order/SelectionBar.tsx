import { Archive, ArchiveRestore, Download, FolderInput, Trash, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "@/api/types";
import { arrangeWithUndo } from "@/queries/order";
import { useOrder } from "@/stores/order";
import { IconButton } from "../ui/Button";

interface Props {
	archived: boolean;
	known: (id: string) => Conversation | undefined;
	onMove: (chosen: Conversation[]) => void;
	onExport: (ids: string[]) => void;
	onDelete: (ids: string[]) => void;
}

/** What can be done with those that are selected. */
export function SelectionBar({ archived, known, onMove, onExport, onDelete }: Props) {
	const selected = useOrder((s) => s.selected);
	const unselect = useOrder((s) => s.unselect);
	const { t } = useTranslation();
	useEffect(() => {
		const onKey = (e: KeyboardEvent) => {
			if (e.key !== "Escape" || e.defaultPrevented || document.querySelector("dialog[open]")) return;
			e.preventDefault();
			unselect();
		};
		document.addEventListener("keydown", onKey, true);
		return () => document.removeEventListener("keydown", onKey, true);
	}, [unselect]);
	const ids = [...(selected ?? [])];
	const chosen = () => ids.flatMap((id) => known(id) ?? []);
	return (
		<div role="toolbar" aria-label={t("order.selected", { count: ids.length })} className="flex shrink-0 items-center gap-0.5 border-t border-line px-2 py-1.5">
			<IconButton medium label={t("order.stop_selecting")} onClick={unselect}>
				<X size={16} />
			</IconButton>
			<span aria-live="polite" className="me-auto text-sm whitespace-nowrap tabular-nums">
				{t("order.selected", { count: ids.length })}
			</span>
			<IconButton medium label={t("order.move")} onClick={() => onMove(chosen())}>
				<FolderInput size={16} />
			</IconButton>
			<IconButton
				medium
				label={t(archived ? "order.unarchive" : "order.archive")}
				onClick={() => {
					const those = chosen();
					unselect();
					void arrangeWithUndo(those, archived ? "unarchive" : "archive");
				}}
			>
				{archived ? <ArchiveRestore size={16} /> : <Archive size={16} />}
			</IconButton>
			<IconButton medium label={t("order.export")} onClick={() => onExport(ids)}>
				<Download size={16} />
			</IconButton>
			<IconButton
				medium
				label={t("common.delete")}
				className="hover:text-danger"
				onClick={() => {
					unselect();
					onDelete(ids);
				}}
			>
				<Trash size={16} />
			</IconButton>
		</div>
	);
}
