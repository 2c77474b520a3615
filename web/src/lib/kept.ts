/* Small facts that this device remembers: what was put away, or seen. */

/** Whoever signs in next has just chosen the language: it holds over what the account knows. */
export const CHOSEN = "weir.language";

export function recall(name: string): boolean {
	try {
		return localStorage.getItem(name) !== null;
	} catch {
		return false;
	}
}

export function remember(name: string, value: boolean) {
	try {
		if (value) localStorage.setItem(name, "1");
		else localStorage.removeItem(name);
	} catch {
		// private mode: it lasts as long as the page
	}
}
