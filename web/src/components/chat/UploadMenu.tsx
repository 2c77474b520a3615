import { BookOpen, Camera, FileUp, Image, Link2, Plus } from "lucide-react";
import { type ChangeEvent, lazy, Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { IconButton } from "../ui/Button";
import { MenuItem, Popover } from "../ui/Menu";

const LinkDialog = lazy(() => import("./LinkDialog"));

interface Props {
	onFiles: (files: File[]) => void;
	onLink: (attachment: Attachment) => void;
	onKnowledge: () => void;
	/** Absent where no model makes pictures or films. */
	onMake?: () => void;
}

export function UploadMenu({ onFiles, onLink, onKnowledge, onMake }: Props) {
	const [open, setOpen] = useState(false);
	const [linking, setLinking] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const input = useRef<HTMLInputElement>(null);
	const camera = useRef<HTMLInputElement>(null);
	const take = (e: ChangeEvent<HTMLInputElement>) => {
		onFiles([...(e.target.files ?? [])]);
		e.target.value = "";
	};
	const close = useCallback(() => setOpen(false), []);
	const { t } = useTranslation();
	const choose = (then: () => void) => () => {
		close();
		then();
	};
	return (
		<>
			<IconButton ref={button} label={t("upload.title")} aria-haspopup="menu" aria-expanded={open} active={open} onClick={() => setOpen(!open)} medium>
				<Plus size={19} />
			</IconButton>
			{open && (
				<Popover anchor={button.current!} label={t("upload.title")} above onClose={close} className="w-60">
					<MenuItem icon={<FileUp size={16} />} onSelect={choose(() => input.current?.click())}>
						{t("upload.file")}
					</MenuItem>
					{matchMedia("(pointer: coarse)").matches && (
						<MenuItem icon={<Camera size={16} />} onSelect={choose(() => camera.current?.click())}>
							{t("upload.camera")}
						</MenuItem>
					)}
					<MenuItem icon={<Link2 size={16} />} onSelect={choose(() => setLinking(true))}>
						{t("upload.link")}
					</MenuItem>
					<MenuItem icon={<BookOpen size={16} />} onSelect={choose(onKnowledge)}>
						{t("account.knowledge")}
					</MenuItem>
					{onMake && (
						<MenuItem icon={<Image size={16} />} onSelect={choose(onMake)}>
							{t("upload.make")}
						</MenuItem>
					)}
				</Popover>
			)}
			<input ref={input} type="file" multiple hidden onChange={take} />
			<input ref={camera} type="file" capture="environment" hidden accept="image/*" onChange={take} />
			{linking && (
				<Suspense>
					<LinkDialog onAdd={onLink} onClose={() => setLinking(false)} />
				</Suspense>
			)}
		</>
	);
}
