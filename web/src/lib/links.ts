export const URL_MAX_CHARS = 2048;

/** The address in its normal form if the server will take it: http(s), with a host, not too long. */
export function mediaUrl(text: string): string | null {
	let url: URL;
	try {
		url = new URL(text.trim());
	} catch {
		return null;
	}
	const fits = (url.protocol === "https:" || url.protocol === "http:") && url.hostname !== "" && url.href.length <= URL_MAX_CHARS;
	return fits && !url.username && !url.password ? url.href : null;
}
