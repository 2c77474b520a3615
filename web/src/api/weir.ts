/* One function per route that the app uses. */
import { call, send } from "./client";
import type {
	AdminAgent,
	AdminModel,
	AdminUser,
	Agent,
	ApiKey,
	Body,
	Channel,
	ChannelTest,
	Conversation,
	DebugLog,
	Device,
	HistoryRow,
	HoldRow,
	List,
	Message,
	Model,
	NewApiKey,
	PoolStatus,
	Session,
	Task,
	TaskLimits,
	Upload,
	User,
} from "./types";

type Page = { limit?: number; before_id?: string | number };
const post = <T>(path: string, json?: unknown) => call<T>(path, { method: "POST", json });
const patch = <T>(path: string, json: unknown) => call<T>(path, { method: "PATCH", json });
const remove = (path: string) => call<void>(path, { method: "DELETE" });

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

export const apiKeys = {
	list: (query: Page) => call<List<ApiKey>>("/api/keys", { query }),
	create: (json: unknown) => post<NewApiKey>("/api/keys", json),
	rotate: (id: string, overlap_s: number) => post<NewApiKey>(`/api/keys/${id}/rotate`, { overlap_s }),
	revoke: (id: string) => post<ApiKey>(`/api/keys/${id}/revoke`),
	remove: (id: string) => remove(`/api/keys/${id}`),
};

export const conversations = {
	list: (query: Page & { q?: string }) => call<List<Conversation>>("/api/conversations", { query }),
	get: (id: string) => call<Conversation>(`/api/conversations/${id}`),
	create: (json: Body<"/api/conversations", "post">) => post<Conversation>("/api/conversations", json),
	patch: (id: string, json: Body<"/api/conversations/{conversation_id}", "patch">) =>
		patch<Conversation>(`/api/conversations/${id}`, json),
	remove: (id: string) => remove(`/api/conversations/${id}`),
	messages: (id: string, query: Page) => call<List<Message>>(`/api/conversations/${id}/messages`, { query }),
	removeMessage: (id: string, message: string) => remove(`/api/conversations/${id}/messages/${message}`),
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
	post: (file: Blob, signal?: AbortSignal) =>
		call<Upload>("/api/uploads", { method: "POST", blob: file, signal }),
	read: async (url: string) => (await send(new URL(url).pathname)).blob(),
};

export const admin = {
	users: (query: Page & { q?: string }) => call<List<AdminUser>>("/api/admin/users", { query }),
	patchUser: (id: string, json: Body<"/api/admin/users/{user_id}", "patch">) =>
		patch<AdminUser>(`/api/admin/users/${id}`, json),
	grant: (id: string, json: Body<"/api/admin/users/{user_id}/credits", "post">, key: string) =>
		call<{ balance: number }>(`/api/admin/users/${id}/credits`, {
			method: "POST",
			json,
			headers: { "Idempotency-Key": key },
		}),
	userHistory: (id: string, query: Page) =>
		call<List<HistoryRow>>(`/api/admin/users/${id}/credits/history`, { query }),

	models: () => call<List<AdminModel>>("/api/admin/models", { query: { limit: 100 } }),
	createModel: (json: Body<"/api/admin/models", "post">) => post<AdminModel>("/api/admin/models", json),
	patchModel: (id: number, json: Body<"/api/admin/models/{model_id}", "patch">) =>
		patch<AdminModel>(`/api/admin/models/${id}`, json),
	removeModel: (id: number) => remove(`/api/admin/models/${id}`),

	channels: () => call<List<Channel>>("/api/admin/channels", { query: { limit: 100 } }),
	createChannel: (json: unknown) => post<Channel>("/api/admin/channels", json),
	patchChannel: (id: number, json: unknown) => patch<Channel>(`/api/admin/channels/${id}`, json),
	removeChannel: (id: number) => remove(`/api/admin/channels/${id}`),
	testChannel: (id: number, model?: string) =>
		post<ChannelTest>(`/api/admin/channels/${id}/test`, model ? { model } : {}),

	agents: () => call<List<AdminAgent>>("/api/admin/agents", { query: { limit: 100 } }),
	createAgent: (json: Body<"/api/admin/agents", "post">) => post<AdminAgent>("/api/admin/agents", json),
	patchAgent: (id: string, json: Body<"/api/admin/agents/{agent_id}", "patch">) =>
		patch<AdminAgent>(`/api/admin/agents/${id}`, json),
	removeAgent: (id: string) => remove(`/api/admin/agents/${id}`),
	routeTest: (id: string) => post<unknown>(`/api/admin/agents/${id}/route-test`),
	promptPreview: (id: string, content: string) =>
		post<unknown>(`/api/admin/agents/${id}/prompt-preview`, { content }),
	/** Streams, as a turn does. */
	executionTest: (id: string, content: string, signal: AbortSignal) =>
		send(`/api/admin/agents/${id}/execution-test`, { method: "POST", json: { content }, signal }),
	debugLogs: (agent_id: string) => call<List<DebugLog>>("/api/admin/debug-logs", { query: { agent_id, limit: 20 } }),

	status: () => call<PoolStatus>("/api/admin/status"),
};
