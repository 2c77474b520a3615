import { Pencil, Share2, Trash } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MenuItem, type Point, Popover } from "../ui/Menu";

interface Props {
	anchor: HTMLElement | Point;
	onRename: () => void;
	onShare: () => void;
	onDelete: () => void;
	onClose: () => void;
}

export function ContextMenu({ anchor, onRename, onShare, onDelete, onClose }: Props) {
	const { t } = useTranslation();
	return (
		<Popover anchor={anchor} label={t("sidebar.menu")} onClose={onClose} className="w-44">
			<MenuItem icon={<Pencil size={15} />} onSelect={onRename}>
				{t("sidebar.rename")}
			</MenuItem>
			<MenuItem icon={<Share2 size={15} />} onSelect={onShare}>
				{t("sidebar.share")}
			</MenuItem>
			<MenuItem danger icon={<Trash size={15} />} onSelect={onDelete}>
				{t("common.delete")}
			</MenuItem>
		</Popover>
	);
}
