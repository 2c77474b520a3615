/* Assistants that users make and share, and the prompts they keep. */
import { call, patch, post, remove, send } from "./client";
import type { Body, List } from "./types";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Assistant = Schemas["Assistant"];
/** Of one's own; of another's what makes it one's own is missing. */
export type AssistantDetails = Schemas["AssistantDetails"];
export type SharedAssistant = Schemas["SharedAssistant"];
export type Prompt = Schemas["Prompt"];
export type AssistantInput = Body<"/api/assistants/{assistant_id}", "patch">;
type Page = { limit?: number; before_id?: string };

export const assistants = {
	list: (query: Page & { scope?: "own" | "taken" | "house" }) => call<List<Assistant>>("/api/assistants", { query: { limit: 100, ...query } }),
	get: (id: string) => call<AssistantDetails>(`/api/assistants/${id}`),
	create: (json: Body<"/api/assistants", "post">) => post<AssistantDetails>("/api/assistants", json),
	patch: (id: string, json: AssistantInput) => patch<AssistantDetails>(`/api/assistants/${id}`, json),
	remove: (id: string) => remove(`/api/assistants/${id}`),
	putAway: (id: string) => remove(`/api/assistants/${id}/taken`),
	picture: async (id: string) => (await send(`/api/assistants/${id}/picture`)).blob(),
	linked: (token: string) => call<Assistant>(`/api/assistant-links/${encodeURIComponent(token)}`),
	take: (token: string) => post<AssistantDetails>(`/api/assistant-links/${encodeURIComponent(token)}`),
	shared: (query: Page) => call<List<SharedAssistant>>("/api/admin/assistants", { query: { limit: 100, ...query } }),
	bar: (id: string, is_barred: boolean) => patch<SharedAssistant>(`/api/admin/assistants/${id}`, { is_barred }),
};

export const prompts = {
	/** All of them, by name. */
	all: async () => {
		const found: Prompt[] = [];
		for (let before_id: string | undefined; ; before_id = found.at(-1)!.id) {
			const page = await call<List<Prompt>>("/api/prompts", { query: { limit: 100, before_id } });
			found.push(...page.items);
			if (!page.has_more) return found.sort((a, b) => a.name.localeCompare(b.name));
		}
	},
	create: (json: { name: string; text: string }) => post<Prompt>("/api/prompts", json),
	patch: (id: string, json: { name?: string; text?: string }) => patch<Prompt>(`/api/prompts/${id}`, json),
	remove: (id: string) => remove(`/api/prompts/${id}`),
	file: async () => (await send("/api/export/prompts")).blob(),
	bring: (list: unknown) => post<{ added: number }>("/api/import/prompts", { prompts: list }),
};
