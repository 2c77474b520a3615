/* The routes for admins. */
import { channels } from "./channels";
import { call, patch, post, put, remove, send } from "./client";
import type {
	AdminAgent,
	AdminKey,
	AdminModel,
	AdminUsageRecord,
	AdminUser,
	Body,
	DebugLog,
	Group,
	HistoryRow,
	Leaks,
	List,
	Overview,
	PageAsk,
	Price,
	PriceImport,
	Quote,
	PoolStatus,
	QuotaChange,
	Provider,
	SecurityEvent,
	UsageSums,
	Verdict,
	VerdictSum,
} from "./types";
import type { UsageFilter, UsageRecordsQuery, UsageSumsQuery } from "./usage";
import type { KeyFilter } from "./weir";

type AdminKeyFilter = KeyFilter & { user_id?: string };
type Page = Partial<PageAsk<string | number>>;

export const admin = {
	verdicts: (query: Page & { verdict?: string; model?: string }) => call<List<Verdict>>("/api/admin/verdicts", { query }),
	verdictSums: (days: number) => call<{ items: VerdictSum[] }>("/api/admin/verdicts/sums", { query: { days } }),
	users: (query: Page & { q?: string; role?: string; status?: string }) => call<List<AdminUser>>("/api/admin/users", { query }),
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

	quotaHistory: (query: Page & { kind?: string; subject?: string }) => call<List<QuotaChange>>("/api/admin/quota-history", { query }),

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

	...channels,
	providers: () => call<{ items: Provider[] }>("/api/admin/providers"),

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

	usageCsv: async (query: UsageFilter) => (await send("/api/admin/usage/records.csv", { query: { ...query } })).blob(),

	keys: (query: Page & AdminKeyFilter) => call<List<AdminKey>>("/api/admin/keys", { query: { ...query } }),
	keysCsv: async (query: AdminKeyFilter) => (await send("/api/admin/keys/export", { query: { ...query } })).blob(),
	lockKey: (id: string, reason: string) => post<AdminKey>(`/api/admin/keys/${id}/lock`, reason === "" ? {} : { reason }),
	unlockKey: (id: string) => post<AdminKey>(`/api/admin/keys/${id}/unlock`),

	securityEvents: (query: Page & { kind?: string; open?: string; key_id?: string }) =>
		call<List<SecurityEvent>>("/api/admin/security/events", { query: { ...query } }),
	resolveEvent: (id: number, note: string) =>
		post<SecurityEvent>(`/api/admin/security/events/${id}/resolve`, note === "" ? {} : { note }),
	leaks: (list: Blob) => call<Leaks>("/api/admin/security/leaks", { method: "POST", blob: list }),

	overview: (days: number) => call<Overview>("/api/admin/overview", { query: { days } }),

	status: () => call<PoolStatus>("/api/admin/status"),
};
