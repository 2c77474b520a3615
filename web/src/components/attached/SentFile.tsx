import { Download } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { uploads } from "@/api/weir";
import { isOwnUpload } from "@/hooks/useMediaUrl";
import { saveFile } from "@/lib/download";
import { explain } from "@/lib/explain";
import { toast } from "@/stores/notices";
import { IconButton } from "../ui/Button";
import { FileChip, nameOf } from "./FileChip";

/** A document that was sent along with a question. */
export default function SentFile({ file }: { file: Attachment }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const save = async () => {
		setBusy(true);
		try {
			saveFile(await uploads.read(file.url), nameOf(file));
		} catch (e) {
			toast("danger", explain(e).text);
		}
		setBusy(false);
	};
	return (
		<span className="my-1 block max-w-full">
			<FileChip file={file}>
				{isOwnUpload(file.url) && (
					<IconButton small label={t("files.save", { name: nameOf(file) })} disabled={busy} onClick={() => void save()}>
						<Download size={15} />
					</IconButton>
				)}
			</FileChip>
		</span>
	);
}
