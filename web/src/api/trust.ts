/* Second factors, sign-in at a provider, leaving and taking everything along. */
import { call, post, remove } from "./client";
import { ApiError } from "./errors";
import type { List, Schemas, Session } from "./types";

export type Factor = Schemas["Factor"];
export type FactorSecret = Schemas["FactorSecret"];
export type RecoveryCodes = Schemas["RecoveryCodes"];
export type Methods = Schemas["Methods"];
export type Identity = Schemas["Identity"];
export type AccountExport = Schemas["Export"];

/** What the provider sent the browser back with. */
export interface Returned {
	state: string;
	code: string;
	iss?: string;
}

export const trust = {
	methods: () => call<Methods>("/api/auth/methods", { anonymous: true }),
	code: (challenge: string, code: string) => call<Session>("/api/auth/code", { method: "POST", json: { challenge, code }, anonymous: true }),
	start: () => call<{ url: string }>("/api/auth/oidc/start", { method: "POST", anonymous: true }),
	/** A session; or nothing, where the caller's account was linked. */
	finish: (json: Returned, linking: boolean): Promise<Session | undefined> =>
		linking ? post<undefined>("/api/auth/oidc/link", json) : call<Session>("/api/auth/oidc/finish", { method: "POST", json, anonymous: true }),

	factor: () => call<Factor>("/api/me/factor"),
	begin: (password?: string) => post<FactorSecret>("/api/me/factor", { password }),
	confirm: (code: string) => post<RecoveryCodes>("/api/me/factor/confirm", { code }),
	codes: (password: string | undefined, code: string) => post<RecoveryCodes>("/api/me/factor/codes", { password, code }),
	off: (password: string | undefined, code: string) => post<void>("/api/me/factor/remove", { password, code }),
	resetOf: (user: string) => remove(`/api/admin/users/${user}/factor`),

	identities: () => call<List<Identity>>("/api/me/identities"),
	link: (password?: string) => post<{ url: string }>("/api/me/identities", { password }),
	unlink: (id: string) => remove(`/api/me/identities/${id}`),

	/** Null: none was asked for. */
	export: async () => {
		try {
			return await call<AccountExport>("/api/me/export");
		} catch (e) {
			if (e instanceof ApiError && e.status === 404) return null;
			throw e;
		}
	},
	makeExport: () => post<AccountExport>("/api/me/export"),
	leave: (name: string, password?: string) => post<{ erase_at: string }>("/api/me/delete", { name, password }),
};

/** The challenge of a sign-in whose second half is a code; null: it is another error. */
export function challengeOf(error: unknown): string | null {
	const challenge = error instanceof ApiError && error.code === "second_factor" ? error.details.challenge : null;
	return typeof challenge === "string" ? challenge : null;
}
