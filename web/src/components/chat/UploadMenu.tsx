import { Plus } from "lucide-react";
import { type ChangeEvent, lazy, Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { IconButton } from "../ui/Button";
import { fetchMenus, UploadItems } from "./later";

const LinkDialog = lazy(() => import("./LinkDialog"));

interface Props {
	onFiles: (files: File[]) => void;
	onLink: (attachment: Attachment) => void;
	onKnowledge: () => void;
	onTools: () => void;
	/** Absent where no model makes pictures or films. */
	onMake?: () => void;
}

export function UploadMenu({ onFiles, onLink, onKnowledge, onTools, onMake }: Props) {
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
	return (
		<>
			<IconButton ref={button} label={t("upload.title")} aria-haspopup="menu" aria-expanded={open} active={open} onPointerEnter={fetchMenus} onClick={() => setOpen(!open)} medium>
				<Plus size={19} />
			</IconButton>
			{open && (
				<Suspense>
					<UploadItems
						anchor={button.current!}
						onFile={() => input.current?.click()}
						onCamera={() => camera.current?.click()}
						onLink={() => setLinking(true)}
						onKnowledge={onKnowledge}
						onTools={onTools}
						onMake={onMake}
						onClose={close}
					/>
				</Suspense>
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
