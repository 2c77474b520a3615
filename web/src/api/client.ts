/* Requests to Weir: bearer token, language, errors as exceptions, 401 → refresh once. */
import { errorOf, isAbort, NetworkError } from "./errors";
import { end, refresh, token } from "./session";
import { language } from "@/i18n/language";

export interface Ask {
	method?: string;
	/** Sent as JSON. */
	json?: unknown;
	/** Sent as it is, with its own type. */
	blob?: Blob | FormData;
	headers?: Record<string, string>;
	signal?: AbortSignal;
	/** Sign-in and its kin: no token is sent, and 401 is an answer like others. */
	anonymous?: boolean;
	query?: Record<string, string | number | boolean | undefined | null>;
	/** Goes out even when the page is just being left. */
	keepalive?: boolean;
}

/** The response, if it is a success. Throws ApiError, NetworkError, or the signal's AbortError. */
export async function send(path: string, ask: Ask = {}): Promise<Response> {
	const bearer = ask.anonymous ? null : await token();
	let response = await once(path, ask, bearer);
	if (response.status === 401 && !ask.anonymous) {
		if (!(await refresh())) {
			end(false);
			throw await errorOf(response);
		}
		response = await once(path, ask, await token());
		if (response.status === 401) end(false);
	}
	if (!response.ok) throw await errorOf(response);
	return response;
}

export async function call<T>(path: string, ask: Ask = {}): Promise<T> {
	const response = await send(path, ask);
	if (response.status === 204) return undefined as T;
	try {
		return (await response.json()) as T;
	} catch (e) {
		if (isAbort(e)) throw e;
		throw new NetworkError(e);
	}
}

export const post = <T>(path: string, json?: unknown) => call<T>(path, { method: "POST", json });
export const put = <T>(path: string, json: unknown) => call<T>(path, { method: "PUT", json });
export const patch = <T>(path: string, json: unknown) => call<T>(path, { method: "PATCH", json });
export const remove = (path: string) => call<void>(path, { method: "DELETE" });

async function once(path: string, ask: Ask, bearer: string | null): Promise<Response> {
	const headers: Record<string, string> = { "Accept-Language": language(), ...ask.headers };
	if (bearer !== null) headers.Authorization = `Bearer ${bearer}`;
	if (ask.json !== undefined) headers["Content-Type"] = "application/json";
	if (ask.blob instanceof Blob && ask.blob.type) headers["Content-Type"] = ask.blob.type;
	try {
		return await fetch(path + search(ask.query), {
			method: ask.method ?? "GET",
			headers,
			body: ask.json !== undefined ? JSON.stringify(ask.json) : ask.blob,
			signal: ask.signal,
			keepalive: ask.keepalive,
			credentials: "same-origin",
		});
	} catch (e) {
		if (isAbort(e) || ask.signal?.aborted) throw new DOMException("aborted", "AbortError");
		throw new NetworkError(e);
	}
}

function search(query: Ask["query"]): string {
	const out = new URLSearchParams();
	for (const [name, value] of Object.entries(query ?? {}))
		if (value !== undefined && value !== null && value !== "") out.set(name, String(value));
	const text = out.toString();
	return text ? `?${text}` : "";
}
