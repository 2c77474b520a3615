import { ArrowDown, ArrowUp, Ellipsis, Folder as FolderIcon, Pencil, Trash } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { folders } from "@/api/order";
import type { Folder } from "@/api/types";
import { cx } from "@/lib/cx";
import { explain } from "@/lib/explain";
import { refreshOrder } from "@/queries/order";
import { toast } from "@/stores/notices";
import { useOrder } from "@/stores/order";
import { IconButton } from "../ui/Button";
import { MenuItem, Popover } from "../ui/Menu";
import { DRAGGED, draggedIds } from "./acts";

interface Props {
	folder: Folder;
	position: number;
	last: boolean;
	onRename: (folder: Folder) => void;
	onRemove: (folder: Folder) => void;
	/** Conversations were let go over it. */
	onDrop: (ids: string[], folder: Folder) => void;
}

/** A folder that is dragged to another place in the list; from the keyboard its menu moves it. */
let carried: { id: string; position: number } | null = null;

export function FolderRow({ folder, position, last, onRename, onRemove, onDrop }: Props) {
	/** What is let go here comes into the folder, or (a folder) before or behind it. */
	const [over, setOver] = useState<"in" | "before" | "behind" | null>(null);
	const [menu, setMenu] = useState(false);
	const more = useRef<HTMLButtonElement>(null);
	const go = useOrder((s) => s.go);
	const { t } = useTranslation();
	const move = (to: number, id = folder.id) => {
		setMenu(false);
		folders.patch(id, { position: to }).then(refreshOrder, (e) => toast("danger", explain(e).text));
	};
	const takes = (e: DragEvent) => {
		if (carried !== null) return carried.id === folder.id ? null : carried.position > position ? "before" : "behind";
		return e.dataTransfer.types.includes(DRAGGED) ? "in" : null;
	};
	return (
		<div
			draggable
			onDragStart={(e) => {
				carried = { id: folder.id, position };
				e.dataTransfer.effectAllowed = "move";
				e.dataTransfer.setData("text/plain", folder.name);
			}}
			onDragEnd={() => (carried = null)}
			onDragOver={(e) => {
				const what = takes(e);
				if (what === null) return;
				e.preventDefault();
				e.dataTransfer.dropEffect = "move";
				setOver(what);
			}}
			onDragLeave={() => setOver(null)}
			onDrop={(e) => {
				const what = takes(e);
				setOver(null);
				if (what === null) return;
				e.preventDefault();
				if (carried !== null) move(position, carried.id);
				else onDrop(draggedIds(e.dataTransfer), folder);
			}}
			className={cx("group relative flex h-full items-center rounded-lg transition-colors", over === "in" ? "bg-tint outline-2 -outline-offset-2 outline-accent" : "hover:bg-hover")}
		>
			{(over === "before" || over === "behind") && <span aria-hidden className={cx("absolute inset-x-0 h-0.5 bg-accent", over === "before" ? "top-0" : "bottom-0")} />}
			<button type="button" onClick={() => go({ kind: "folder", id: folder.id })} className="flex h-full min-w-0 grow items-center gap-2 rounded-lg ps-3 pe-9 text-start text-sm text-soft">
				<FolderIcon size={15} aria-hidden className="shrink-0 text-faint" />
				<span className="truncate">{folder.name}</span>
				<span className="ms-auto shrink-0 text-xs text-faint tabular-nums" aria-label={t("order.in_it", { count: folder.conversations })}>
					{folder.conversations}
				</span>
			</button>
			<IconButton
				ref={more}
				small
				label={t("order.folder_menu", { name: folder.name })}
				aria-haspopup="menu"
				aria-expanded={menu}
				onClick={() => setMenu(!menu)}
				className={cx("absolute end-0.5", !menu && "pointer-fine:opacity-0 pointer-fine:group-hover:opacity-100 pointer-fine:focus-visible:opacity-100")}
			>
				<Ellipsis size={16} />
			</IconButton>
			{menu && (
				<Popover anchor={more.current!} label={t("order.folder_menu", { name: folder.name })} onClose={() => setMenu(false)} className="w-48">
					<MenuItem
						icon={<Pencil size={15} />}
						onSelect={() => {
							setMenu(false);
							onRename(folder);
						}}
					>
						{t("sidebar.rename")}
					</MenuItem>
					<MenuItem icon={<ArrowUp size={15} />} disabled={position === 0} onSelect={() => move(position - 1)}>
						{t("order.up")}
					</MenuItem>
					<MenuItem icon={<ArrowDown size={15} />} disabled={last} onSelect={() => move(position + 1)}>
						{t("order.down")}
					</MenuItem>
					<MenuItem
						danger
						icon={<Trash size={15} />}
						onSelect={() => {
							setMenu(false);
							onRemove(folder);
						}}
					>
						{t("order.remove_folder")}
					</MenuItem>
				</Popover>
			)}
		</div>
	);
}
