/*
 * Who is signed in, and the token that proves it.
 *
 * The access token lives in memory only; the refresh token is a cookie that no
 * script can read. Refreshing happens once at a time, over all tabs (a refresh
 * token that is used again after 10 s revokes the session), at most once per 10 s, and not
 * at all for 5 s after it failed: a server in trouble is not stormed.
 */
import { create } from "zustand";
import { errorOf, NetworkError } from "./errors";
import type { Session, User } from "./types";
import { language } from "@/i18n/language";

export const REFRESH_INTERVAL_MS = 10_000;
export const REFRESH_COOLDOWN_MS = 5_000;
/** A token this close to its end is not worth sending. */
const TOKEN_MARGIN_MS = 15_000;
/** Set while somebody is signed in on this browser: a first visit asks nothing. */
const HINT = "weir.signed_in";

export interface SessionState {
	status: "unknown" | "in" | "out";
	token: string | null;
	expiresAt: number;
	user: User | null;
}

export const useSession = create<SessionState>(() => ({ status: "unknown", token: null, expiresAt: 0, user: null }));

type Notice = "in" | "out";
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("weir.session");
const leaving = new Set<() => void>();
let inflight: Promise<boolean> | null = null;
let refreshedAt = -Infinity;
let failedAt = -Infinity;

/** Runs when the session ends: caches and stores forget what they know. */
export function onSignOut(forget: () => void): () => void {
	leaving.add(forget);
	return () => leaving.delete(forget);
}

export function begin(session: Session) {
	hint(true);
	refreshedAt = Date.now();
	failedAt = -Infinity;
	useSession.setState({
		status: "in",
		token: session.access_token,
		expiresAt: Date.now() + session.expires_in * 1000,
		user: session.user,
	});
}

/** A sign-in by a form: the other tabs follow. */
export function announce() {
	channel?.postMessage("in" satisfies Notice);
}

export function end(tellOthers = true) {
	hint(false);
	refreshedAt = -Infinity;
	useSession.setState({ status: "out", token: null, expiresAt: 0, user: null });
	for (const forget of leaving) forget();
	if (tellOthers) channel?.postMessage("out" satisfies Notice);
}

/** A token for the next request, made anew if it is about to end. Null: nobody is signed in. */
export async function token(): Promise<string | null> {
	const s = useSession.getState();
	if (s.token !== null && s.expiresAt - TOKEN_MARGIN_MS > Date.now()) return s.token;
	if (s.status === "out") return null;
	await refresh();
	return useSession.getState().token;
}

/** True: there is a token that the server just made. */
export function refresh(): Promise<boolean> {
	if (inflight) return inflight;
	const now = Date.now();
	if (now - refreshedAt < REFRESH_INTERVAL_MS) return Promise.resolve(useSession.getState().status === "in");
	if (now - failedAt < REFRESH_COOLDOWN_MS) return Promise.resolve(false);
	inflight = oneTabAtATime(exchange).finally(() => {
		inflight = null;
	});
	return inflight;
}

/** On opening the page: is there a session to go on with? */
export async function resume() {
	if (hinted()) await refresh();
	else useSession.setState({ status: "out" });
}

async function exchange(): Promise<boolean> {
	let response: Response;
	try {
		response = await fetch("/api/auth/refresh", {
			method: "POST",
			credentials: "same-origin",
			headers: { "Accept-Language": language() },
		});
	} catch (e) {
		failedAt = Date.now();
		throw new NetworkError(e);
	}
	if (response.ok) {
		begin((await response.json()) as Session);
		return true;
	}
	failedAt = Date.now();
	if (response.status === 401 || response.status === 403 || response.status === 400) {
		end(false);
		return false;
	}
	throw await errorOf(response);
}

function oneTabAtATime<T>(work: () => Promise<T>): Promise<T> {
	// Web Locks exist in secure contexts only; without them tabs rarely meet.
	return navigator.locks ? (navigator.locks.request("weir.refresh", work) as Promise<T>) : work();
}

function hint(on: boolean) {
	try {
		if (on) localStorage.setItem(HINT, "1");
		else localStorage.removeItem(HINT);
	} catch {
		// private mode: the next visit asks for the password
	}
}

function hinted(): boolean {
	try {
		return localStorage.getItem(HINT) !== null;
	} catch {
		return true;
	}
}

if (channel)
	channel.onmessage = (event: MessageEvent<Notice>) => {
		const { status } = useSession.getState();
		if (event.data === "out" && status === "in") end(false);
		if (event.data === "in" && status === "out") void refresh().catch(() => undefined);
	};

/** For tests. */
export function forgetTimes() {
	inflight = null;
	refreshedAt = failedAt = -Infinity;
}
