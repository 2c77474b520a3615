import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { mediaUrl } from "@/lib/links";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Input, Select } from "../ui/Field";

/** What is attached by its address. */
export default function LinkDialog({ onAdd, onClose }: { onAdd: (a: Attachment) => void; onClose: () => void }) {
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
