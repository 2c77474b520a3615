/* Conversations that are shared by a link, taken away as a file, brought from one. */
import { call, post, remove, send } from "./client";
import type { Conversation, List } from "./types";

export interface Share {
	id: string;
	conversation_id: string;
	title: string;
	url: string;
	message_count: number;
	created_at: string;
}

export interface SharedMessage {
	role: "user" | "assistant";
	content: string;
	model: string | null;
	created_at: string;
	attachments: { type: string; url: string }[];
}

export interface Shared {
	title: string;
	created_at: string;
	messages: SharedMessage[];
}

/** A conversation as /api/import/conversation takes it. */
export interface Brought {
	title?: string;
	created_at?: string;
	messages: { role: "user" | "assistant"; content: string; model?: string; created_at?: string }[];
}

export const sharing = {
	create: (conversation: string) => post<Share>(`/api/conversations/${conversation}/share`),
	list: (query: { limit?: number; before_id?: string }) => call<List<Share>>("/api/shares", { query }),
	revoke: (id: string) => remove(`/api/shares/${id}`),
	read: (token: string) => call<Shared>(`/api/share/${encodeURIComponent(token)}`, { anonymous: true }),
	take: (conversation: string) => call<Shared>(`/api/conversations/${conversation}/export`),
	file: async (conversation: string, format: "json" | "markdown") =>
		(await send(`/api/conversations/${conversation}/export`, { query: { format } })).blob(),
	bring: (json: Brought, key: string) =>
		call<Conversation>("/api/import/conversation", { method: "POST", json, headers: { "Idempotency-Key": key } }),
};
