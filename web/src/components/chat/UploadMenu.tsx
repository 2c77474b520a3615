import { BookOpen, FileUp, Link2, Plus } from "lucide-react";
import { type FormEvent, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { ACCEPT } from "@/lib/files";
import { mediaUrl } from "@/lib/links";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Input, Select } from "../ui/Field";
import { MenuItem, Popover } from "../ui/Menu";

interface Props {
	onFiles: (files: File[]) => void;
	onLink: (attachment: Attachment) => void;
	onKnowledge: () => void;
}

export function UploadMenu({ onFiles, onLink, onKnowledge }: Props) {
	const [open, setOpen] = useState(false);
	const [linking, setLinking] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const input = useRef<HTMLInputElement>(null);
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
					<MenuItem icon={<Link2 size={16} />} onSelect={choose(() => setLinking(true))}>
						{t("upload.link")}
					</MenuItem>
					<MenuItem icon={<BookOpen size={16} />} onSelect={choose(onKnowledge)}>
						{t("account.knowledge")}
					</MenuItem>
				</Popover>
			)}
			<input
				ref={input}
				type="file"
				multiple
				hidden
				accept={ACCEPT}
				onChange={(e) => {
					onFiles([...(e.target.files ?? [])]);
					e.target.value = "";
				}}
			/>
			{linking && <LinkDialog onAdd={onLink} onClose={() => setLinking(false)} />}
		</>
	);
}

function LinkDialog({ onAdd, onClose }: { onAdd: (a: Attachment) => void; onClose: () => void }) {
	const [url, setUrl] = useState("");
	const [type, setType] = useState<"image" | "video" | "audio">("image");
	const [error, setError] = useState<string | null>(null);
	const { t } = useTranslation();
	const submit = (e: FormEvent) => {
		e.preventDefault();
		const good = mediaUrl(url);
		if (good === null) {
			setError(t("upload.bad_link"));
			return;
		}
		onAdd({ type, url: good });
		onClose();
	};
	return (
		<Dialog title={t("upload.link")} onClose={onClose}>
			<form onSubmit={submit} noValidate className="flex flex-col gap-4">
				<Input autoFocus type="url" label={t("upload.address")} placeholder="https://" value={url} error={error} onChange={(e) => setUrl(e.target.value)} />
				<Select label={t("upload.kind")} value={type} onChange={(e) => setType(e.target.value as typeof type)}>
					<option value="image">{t("media.image")}</option>
					<option value="video">{t("media.video")}</option>
					<option value="audio">{t("media.audio")}</option>
				</Select>
				<Button type="submit" look="solid" className="self-end">
					{t("upload.add")}
				</Button>
			</form>
		</Dialog>
	);
}
