/** Copies text; on pages that came over plain http by the old way. */
export async function copyText(text: string): Promise<boolean> {
	try {
		if (navigator.clipboard) {
			await navigator.clipboard.writeText(text);
			return true;
		}
	} catch {
		// not allowed: the old way may be
	}
	const area = document.createElement("textarea");
	area.value = text;
	area.className = "fixed opacity-0";
	(document.querySelector("dialog[open]") ?? document.body).append(area);
	area.select();
	const ok = document.execCommand("copy");
	area.remove();
	return ok;
}
