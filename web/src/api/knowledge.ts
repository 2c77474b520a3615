/* The routes of knowledge bases. */
import { call, patch, post, remove, send } from "./client";
import type { components } from "./schema";
import type { List } from "./types";

type Schemas = components["schemas"];

export type Base = Schemas["Knowledge"];
export type Doc = Schemas["KnowledgeDocument"];
/** What of a document changes with each version. */
export type Version = Schemas["KnowledgeVersion"];
/** What became of something added: the document, or the one that has the same content already. */
export type Added = Schemas["KnowledgeAdded"];
export type Chunk = Schemas["KnowledgeChunk"];
export type TextCut = Schemas["KnowledgeText"];
export type Hit = Schemas["KnowledgeHit"];
export type Found = Schemas["KnowledgeFound"];
export type Stats = Schemas["KnowledgeStats"];
export type SearchMode = "hybrid" | "vector" | "text";

type Page = { limit?: number; before_id?: string };
const at = (id: string) => `/api/knowledge/${id}`;
const doc = (id: string, document: string) => `${at(id)}/documents/${document}`;

export const knowledge = {
	list: (query: Page = {}) => call<List<Base>>("/api/knowledge", { query: { limit: 100, ...query } }),
	get: (id: string) => call<Base>(at(id)),
	create: (json: unknown) => post<Base>("/api/knowledge", json),
	patch: (id: string, json: unknown) => patch<Base>(at(id), json),
	remove: (id: string) => remove(at(id)),

	documents: (id: string, query: Page) => call<List<Doc>>(`${at(id)}/documents`, { query }),
	document: (id: string, document: string) => call<Doc>(doc(id, document)),
	add: (id: string, file: File, signal?: AbortSignal) => call<Added>(`${at(id)}/documents`, { method: "POST", blob: file, query: { filename: file.name }, signal }),
	addJson: (id: string, json: { url: string } | { text: string; title: string } | { upload_id: string; filename: string }) => post<Added>(`${at(id)}/documents`, json),
	replace: (id: string, document: string, file: File) => call<Added>(doc(id, document), { method: "PUT", blob: file, query: { filename: file.name } }),
	removeDocument: (id: string, document: string) => remove(doc(id, document)),
	retry: (id: string, document: string, json: { password?: string } = {}) => post<Doc>(`${doc(id, document)}/retry`, json),
	cancel: (id: string, document: string) => post<Doc>(`${doc(id, document)}/cancel`),
	text: (id: string, document: string, query: { from: number; to: number; version?: number }) => call<TextCut>(`${doc(id, document)}/text`, { query }),
	chunks: (id: string, document: string, query: { limit: number; before_id?: number }) => call<List<Chunk>>(`${doc(id, document)}/chunks`, { query }),
	file: async (id: string, document: string) => (await send(`${doc(id, document)}/file`)).blob(),
	stats: (id: string) => call<Stats>(`${at(id)}/stats`),
	search: (id: string, json: { query: string; mode: SearchMode; top_k: number; rerank: boolean }) => post<Found>(`${at(id)}/search`, json),
};
