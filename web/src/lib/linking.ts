/* What a browser keeps for itself while it is at a sign-in provider. */

const LINKING = "weir.linking";
const NEXT = "weir.next";

function store(name: string, value: string | null) {
	try {
		if (value === null) sessionStorage.removeItem(name);
		else sessionStorage.setItem(name, value);
	} catch {
		// private mode: it comes back to the start page
	}
}

function take(name: string): string | null {
	try {
		const value = sessionStorage.getItem(name);
		store(name, null);
		return value;
	} catch {
		return null;
	}
}

/** The account of who is signed in is to be linked. */
export function markLinking() {
	store(LINKING, "1");
}

export function wasLinking(): boolean {
	return take(LINKING) !== null;
}

/** Somebody signs in; where they wanted to go is kept. */
export function keepNext() {
	store(LINKING, null);
	store(NEXT, new URLSearchParams(location.search).get("next"));
}

/** An address of our own only. */
export function takeNext(): string {
	const next = take(NEXT) ?? "/";
	return /^\/(?![/\\])/.test(next) ? next : "/";
}

/** What stands in the address a provider sends the browser to; null: it was no sign-in. */
export function returned(search: string): { state: string; code: string; iss?: string } | null {
	const query = new URLSearchParams(search);
	const state = query.get("state");
	const code = query.get("code");
	if (!state || !code) return null;
	const iss = query.get("iss");
	return iss ? { state, code, iss } : { state, code };
}
