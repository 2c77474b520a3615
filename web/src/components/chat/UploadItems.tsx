import { BookOpen, Camera, FileUp, Image, Link2, Wrench } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useOfferedTools } from "@/queries/tools";
import { MenuItem, Popover } from "../ui/Menu";

interface Props {
	anchor: HTMLElement;
	onFile: () => void;
	onCamera: () => void;
	onLink: () => void;
	onKnowledge: () => void;
	onTools: () => void;
	/** Absent where no model makes pictures or films. */
	onMake?: () => void;
	onClose: () => void;
}

export function UploadItems({ anchor, onFile, onCamera, onLink, onKnowledge, onTools, onMake, onClose }: Props) {
	const { t } = useTranslation();
	const tools = useOfferedTools();
	const choose = (then: () => void) => () => {
		onClose();
		then();
	};
	return (
		<Popover anchor={anchor} label={t("upload.title")} above onClose={onClose} className="w-60">
			<MenuItem icon={<FileUp size={16} />} onSelect={choose(onFile)}>
				{t("upload.file")}
			</MenuItem>
			{matchMedia("(pointer: coarse)").matches && (
				<MenuItem icon={<Camera size={16} />} onSelect={choose(onCamera)}>
					{t("upload.camera")}
				</MenuItem>
			)}
			<MenuItem icon={<Link2 size={16} />} onSelect={choose(onLink)}>
				{t("upload.link")}
			</MenuItem>
			<MenuItem icon={<BookOpen size={16} />} onSelect={choose(onKnowledge)}>
				{t("account.knowledge")}
			</MenuItem>
			{tools.length > 0 && (
				<MenuItem icon={<Wrench size={16} />} onSelect={choose(onTools)}>
					{t("upload.tools")}
				</MenuItem>
			)}
			{onMake && (
				<MenuItem icon={<Image size={16} />} onSelect={choose(onMake)}>
					{t("upload.make")}
				</MenuItem>
			)}
		</Popover>
	);
}
