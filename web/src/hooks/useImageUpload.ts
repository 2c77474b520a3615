import { useCallback, useState } from "react";
import type { Attachment } from "@/api/types";
import { uploads } from "@/api/weir";
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
					const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
					const one: Pending = { id: newId(), name: file.name, preview };
					setPending((p) => [...p, one]);
					try {
						const { url, content_type, size_bytes, document } = await uploads.post(file);
						const type = kindOf(content_type);
						const address = new URL(url, location.href).href;
						nameUpload(address, file.name);
						attach({ type, url: address, ...(type === "file" && { name: file.name, size_bytes, state: document?.state ?? "reading" }) });
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
