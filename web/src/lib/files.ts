import type { Attachment } from "@/api/types";

/** Saves a picture or video under its own name. */
export async function download(url: string, name: string) {
	const link = document.createElement("a");
	link.download = name;
	try {
		const blob = await (await fetch(url)).blob();
		link.href = URL.createObjectURL(blob);
		setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
	} catch {
		// another origin that does not let scripts read: the browser opens it
		link.href = url;
		link.target = "_blank";
		link.rel = "noopener noreferrer";
	}
	link.click();
}

/** What a file was called here: its address at the server does not say. */
const names = new Map<string, string>();

export function nameUpload(url: string, name: string) {
	names.set(url, name);
}

/** The name of a file uploaded here, or the one at the end of an address, if it looks like a file's. */
export function fileName(src: string): string {
	const known = names.get(src);
	if (known) return known;
	const last = new URL(src, location.href).pathname.split("/").pop() ?? "";
	return /\.\w{2,4}$/.test(last) ? last : "file";
}

/** As what a file is attached: whatever is no picture, film or sound is read as a document. */
export function kindOf(type: string): Attachment["type"] {
	const kind = type.split("/")[0];
	return kind === "image" || kind === "video" || kind === "audio" ? kind : "file";
}
