/* The routes for admins. */
import { call, patch, post, put, remove, send } from "./client";
import type {
	AdminAgent,
	AdminModel,
	AdminUsageRecord,
	AdminUser,
	Body,
	Channel,
	ChannelTest,
	DebugLog,
	Group,
	HistoryRow,
	List,
	Price,
	PriceImport,
	Quote,
	PoolStatus,
	UsageSums,
} from "./types";
import type { UsageRecordsQuery, UsageSumsQuery } from "./usage";

type Page = { limit?: number; before_id?: string | number };

export const admin = {
	users: (query: Page & { q?: string }) => call<List<AdminUser>>("/api/admin/users", { query }),
	user: (id: string) => call<AdminUser>(`/api/admin/users/${id}`),
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

	prices: (query: Page & { model?: string }) => call<List<Price>>("/api/admin/prices", { query }),
	putPrices: (rows: unknown[]) => put<unknown>("/api/admin/prices", { rows }),
	removePrice: (id: number) => remove(`/api/admin/prices/${id}`),
	importPrices: (json: unknown) => post<PriceImport>("/api/admin/prices/import", json),
	quote: (json: unknown) => post<Quote>("/api/admin/prices/quote", json),

	groups: () => call<{ items: Group[] }>("/api/admin/groups"),
	createGroup: (json: unknown) => post<Group>("/api/admin/groups", json),
	patchGroup: (name: string, json: unknown) => patch<Group>(`/api/admin/groups/${encodeURIComponent(name)}`, json),
	removeGroup: (name: string) => remove(`/api/admin/groups/${encodeURIComponent(name)}`),

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

	usage: (query: UsageSumsQuery) => call<UsageSums>("/api/admin/usage", { query: { ...query } }),
	usageRecords: (query: UsageRecordsQuery) => call<List<AdminUsageRecord>>("/api/admin/usage/records", { query: { ...query } }),

	status: () => call<PoolStatus>("/api/admin/status"),
};
