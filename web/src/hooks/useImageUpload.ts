import { useCallback, useState } from "react";
import type { Attachment } from "@/api/types";
import { uploads } from "@/api/weir";
import { t } from "@/i18n";
import { newId } from "@/lib/ids";
import { kindOf, nameUpload } from "@/lib/files";
import { toast } from "@/stores/notices";
import { explain } from "@/lib/explain";

export interface Pending {
	id: string;
	name: string;
	preview: string | null;
}

/** Files on their way to the server; each becomes an attachment, or a toast that says why not. */
export function useImageUpload(attach: (a: Attachment) => void) {
	const [pending, setPending] = useState<Pending[]>([]);
	const upload = useCallback(
		async (files: readonly File[]) => {
			await Promise.all(
				files.map(async (file) => {
					// Refused before it is sent: the server takes more kinds than a chat can show.
					if (file.type !== "" && !kindOf(file.type)) {
						toast("warn", t("upload.not_here"), { detail: file.name });
						return;
					}
					const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
					const one: Pending = { id: newId(), name: file.name, preview };
					setPending((p) => [...p, one]);
					try {
						const { url, content_type } = await uploads.post(file);
						const type = kindOf(content_type);
						const address = new URL(url, location.href).href;
						nameUpload(address, file.name);
						if (type) attach({ type, url: address });
						else toast("warn", t("upload.not_here"), { detail: file.name });
					} catch (e) {
						const { text, detail } = explain(e);
						toast("danger", text, { detail: detail ?? file.name });
					} finally {
						if (preview) URL.revokeObjectURL(preview);
						setPending((p) => p.filter((x) => x.id !== one.id));
					}
				}),
			);
		},
		[attach],
	);
	return { pending, upload };
}
