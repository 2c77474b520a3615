import { Archive, ArchiveRestore, CopyCheck, FolderInput, Pencil, Pin, PinOff, Share2, Trash } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "@/api/types";
import { MenuItem, type Point, Popover } from "../ui/Menu";
import type { Act } from "./acts";

interface Props {
	anchor: HTMLElement | Point;
	conversation: Conversation;
	onAct: (act: Act) => void;
	onClose: () => void;
}

/** What can be done with one conversation. */
export function ContextMenu({ anchor, conversation, onAct, onClose }: Props) {
	const { t } = useTranslation();
	const act = (what: Act) => () => {
		onClose();
		onAct(what);
	};
	return (
		<Popover anchor={anchor} label={t("sidebar.menu")} onClose={onClose} className="w-52">
			<MenuItem icon={<Pencil size={15} />} onSelect={act("rename")}>
				{t("sidebar.rename")}
			</MenuItem>
			{!conversation.archived && (
				<MenuItem icon={conversation.pinned ? <PinOff size={15} /> : <Pin size={15} />} onSelect={act(conversation.pinned ? "unpin" : "pin")}>
					{t(conversation.pinned ? "order.unpin" : "order.pin")}
				</MenuItem>
			)}
			<MenuItem icon={<FolderInput size={15} />} onSelect={act("move")}>
				{t("order.move")}
			</MenuItem>
			<MenuItem icon={conversation.archived ? <ArchiveRestore size={15} /> : <Archive size={15} />} onSelect={act(conversation.archived ? "unarchive" : "archive")}>
				{t(conversation.archived ? "order.unarchive" : "order.archive")}
			</MenuItem>
			<MenuItem icon={<Share2 size={15} />} onSelect={act("share")}>
				{t("sidebar.share")}
			</MenuItem>
			<MenuItem icon={<CopyCheck size={15} />} onSelect={act("select")}>
				{t("order.select")}
			</MenuItem>
			<MenuItem danger icon={<Trash size={15} />} onSelect={act("delete")}>
				{t("common.delete")}
			</MenuItem>
		</Popover>
	);
}
