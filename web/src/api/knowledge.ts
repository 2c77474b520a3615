/* The routes of knowledge bases. */
import { call, patch, post, remove, send } from "./client";
import type { List } from "./types";

export interface Base {
	id: string;
	name: string;
	description: string;
	embedding_model: string | null;
	/** text: there are no vectors. */
	mode: "hybrid" | "text";
	chunk: { tokens: number; overlap: number };
	is_owner: boolean;
	owner: string | null;
	/** Its owner's alone. */
	share: { everyone: boolean; groups: string[]; users: string[] } | null;
	documents: number;
	ready: number;
	failed: number;
	chunks: number;
	size_bytes: number;
	/** Vectors of another model, which are being made. */
	index: { model: string; documents: number; done: number; failed: number } | null;
	created_at: string;
	updated_at: string;
}

export type DocumentState = "pending" | "parsing" | "chunking" | "embedding" | "ready" | "failed";

export interface Version {
	version: number;
	state: DocumentState;
	/** Why it failed, or what is missing; and the same in words. */
	code: string | null;
	message?: string | null;
	filename: string;
	title: string;
	source_url: string | null;
	kind: string | null;
	size_bytes: number;
	pages: number | null;
	chars: number | null;
	chunks: number;
	vectors: number;
	skipped: number;
	/** Per cent. */
	progress: number;
	created_at: string;
	updated_at: string;
	ready_at: string | null;
}

export interface Doc extends Version {
	id: string;
	knowledge_id: string;
	/** The one that takes its place once it is ready. */
	next: Version | null;
}

/** What became of something added: the document, or the one that has the same content already. */
export interface Added {
	document: Doc;
	duplicate: boolean;
}

export interface Chunk {
	id: number;
	ord: number;
	page_from: number | null;
	page_to: number | null;
	from: number;
	to: number;
	heading: string;
	text: string;
	tokens: number;
	state: "vector" | "waiting" | "skipped" | "text";
}

export interface TextCut {
	text: string;
	from: number;
	to: number;
	/** Length of the whole. */
	total: number;
	pages: number | null;
	version: number;
}

export type SearchMode = "hybrid" | "vector" | "text";

export interface Hit {
	chunk_id: number;
	knowledge_id: string;
	document_id: string;
	version: number;
	title: string;
	heading: string;
	page: number | null;
	from: number;
	to: number;
	text: string;
	score: number;
	scores: Record<string, number | null>;
}

export interface Found {
	items: Hit[];
	/** used, not_wanted, or why there were none. */
	vectors: string;
	/** null: not wanted; used, or why not. */
	rank: string | null;
	usage: { input_tokens: number; credits: number };
}

export interface Stats {
	vectors: number;
	skipped: number;
	tokens: number;
	cost: number;
}

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
	addJson: (id: string, json: { url: string } | { text: string; title: string }) => post<Added>(`${at(id)}/documents`, json),
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
