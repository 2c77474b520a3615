/* One function per route that the app uses. What the chat page does not need has a file of its own, or it would load it. */
import { call, patch, post, put, remove, send } from "./client";
import type {
	Agent,
	ApiKey,
	Body,
	Conversation,
	Device,
	HistoryRow,
	HoldRow,
	List,
	Message,
	Model,
	NewApiKey,
	Quota,
	QuotaChange,
	Session,
	Task,
	TaskLimits,
	Upload,
	User,
} from "./types";

type Page = { limit?: number; before_id?: string | number };

export const auth = {
	login: (json: Body<"/api/auth/login", "post">) =>
		call<Session>("/api/auth/login", { method: "POST", json, anonymous: true }),
	register: (json: Body<"/api/auth/register", "post">) =>
		call<Session>("/api/auth/register", { method: "POST", json, anonymous: true }),
	forgot: (email: string) => call<void>("/api/auth/forgot", { method: "POST", json: { email }, anonymous: true }),
	reset: (json: Body<"/api/auth/reset", "post">) =>
		call<void>("/api/auth/reset", { method: "POST", json, anonymous: true }),
	logout: () => call<void>("/api/auth/logout", { method: "POST", anonymous: true }),
	password: (json: Body<"/api/auth/password", "post">) => post<void>("/api/auth/password", json),
};

export const me = {
	get: () => call<User>("/api/me"),
	patch: (json: Body<"/api/me", "patch">) => patch<User>("/api/me", json),
	history: (query: Page) => call<List<HistoryRow>>("/api/me/credits/history", { query }),
	holds: (query: Page) => call<List<HoldRow>>("/api/me/credits/transactions", { query }),
	sessions: () => call<List<Device>>("/api/me/sessions"),
	revokeSession: (id: string) => remove(`/api/me/sessions/${id}`),
	revokeAll: (keep_current: boolean) => post<{ revoked: number }>("/api/me/sessions/revoke", { keep_current }),
};

/** Which keys; empty is any. */
export interface KeyFilter {
	status?: string;
	q?: string;
	label?: string;
}

export const apiKeys = {
	list: (query: Page & KeyFilter) => call<List<ApiKey>>("/api/keys", { query: { ...query } }),
	csv: async (query: KeyFilter) => (await send("/api/keys/export", { query: { ...query } })).blob(),
	create: (json: unknown) => post<NewApiKey>("/api/keys", json),
	rotate: (id: string, overlap_s: number) => post<NewApiKey>(`/api/keys/${id}/rotate`, { overlap_s }),
	collect: (id: string) => post<NewApiKey>(`/api/keys/${id}/collect`),
	expire: (id: string) => post<ApiKey>(`/api/keys/${id}/expire`),
	revoke: (id: string) => post<ApiKey>(`/api/keys/${id}/revoke`),
	remove: (id: string) => remove(`/api/keys/${id}`),
};

export const quota = {
	mine: () => call<Quota>("/api/me/quota"),
	history: (query: Page) => call<List<QuotaChange>>("/api/me/quota/history", { query }),
};

/** What a list shows: all that is not archived, what of it is neither pinned nor in a folder, … */
export type View = "all" | "loose" | "pinned" | "archived";

export type Arrange = "pin" | "unpin" | "archive" | "unarchive" | "move" | "keep" | "delete";

export const conversations = {
	/** One thing with several, all or none. */
	arrange: (ids: string[], action: Arrange, more: { folder_id?: string | null; keepalive?: boolean } = {}) =>
		call<void>("/api/conversations/arrange", { method: "POST", json: { ids, action, folder_id: more.folder_id ?? null }, keepalive: more.keepalive }),
	list: (query: Page & { q?: string; view?: View; folder_id?: string }) => call<List<Conversation>>("/api/conversations", { query }),
	get: (id: string) => call<Conversation>(`/api/conversations/${id}`),
	create: (json: Body<"/api/conversations", "post">) => post<Conversation>("/api/conversations", json),
	patch: (id: string, json: Body<"/api/conversations/{conversation_id}", "patch">) =>
		patch<Conversation>(`/api/conversations/${id}`, json),
	messages: (id: string, query: Page) => call<List<Message>>(`/api/conversations/${id}/messages`, { query }),
	removeMessage: (id: string, message: string, below: boolean) =>
		remove(`/api/conversations/${id}/messages/${message}${below ? "?below=true" : ""}`),
	showVersion: (id: string, message: string) => post<void>(`/api/conversations/${id}/messages/${message}/activate`),
	judge: (id: string, message: string, verdict: "up" | "down" | "none") =>
		put<void>(`/api/conversations/${id}/messages/${message}/verdict`, { verdict }),
};

export const tasks = {
	active: () => call<List<Task>>("/api/tasks", { query: { active: true, limit: 100 } }),
	limits: (conversation_id?: string) => call<TaskLimits>("/api/tasks/limits", { query: { conversation_id } }),
	abort: (id: string) => post<Task>(`/api/tasks/${id}/abort`),
};

export const catalog = {
	models: () => call<List<Model>>("/api/models", { query: { limit: 100 } }),
	agents: () => call<List<Agent>>("/api/agents", { query: { limit: 100 } }),
};

export const uploads = {
	post: (file: File, signal?: AbortSignal) =>
		call<Upload>("/api/uploads", { method: "POST", blob: file, query: { filename: file.name.slice(-80) }, signal }),
	read: async (url: string) => (await send(new URL(url).pathname)).blob(),
};

export { admin } from "./admin";
export { usage } from "./usage";
