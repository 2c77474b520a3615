/** The language of the page and of the server's messages: "zh" or "en". */
export type Language = "zh" | "en";
export const LANGUAGES: readonly Language[] = ["zh", "en"];

let current: Language = "en";

export function language(): Language {
	return current;
}

export function setLanguage(next: Language) {
	current = next;
	document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
}

/** What the browser prefers, among those we speak. */
export function browserLanguage(preferred: readonly string[] = navigator.languages): Language {
	for (const tag of preferred) {
		const short = tag.slice(0, 2).toLowerCase();
		if (short === "zh" || short === "en") return short;
	}
	return "en";
}
