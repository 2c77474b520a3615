/** Hands a file to the person. Fetched by the page before, because a link would not carry the session. */
export function saveFile(content: Blob, name: string) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(content);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
