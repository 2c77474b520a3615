/* What stories show: the same in each of them. */
import type { Assistant } from "@/api/assistants";
import type { Attachment, Citation, Message, Model } from "@/api/types";
import { type Day, NOTHING } from "@/lib/usage";

export const message = (over: Partial<Message> = {}): Message => ({
	id: "m2",
	conversation_id: "c1",
	sequence: 2,
	role: "assistant",
	content: "A weir raises the water **above** it, so that boats may pass.",
	status: "success",
	is_error: false,
	error_message: null,
	error_display: null,
	model: "demo",
	input_tokens: 120,
	output_tokens: 340,
	credits_cost: 0.8,
	attachments: [],
	citations: [],
	searched: null,
	calls: null,
	task_id: "t1",
	created_at: "2026-03-18T10:24:00Z",
	updated_at: "2026-03-18T10:24:00Z",
	...over,
});

export const model = (name: string, over: Partial<Model> = {}): Model =>
	({ id: 1, name, display_name: name, type: "chat", abilities: ["vision", "reasoning"], context_tokens: 32_000, max_output_tokens: 4000, price_input_per_mtok: 1, price_output_per_mtok: 2, ratio: 1, makes: null, prices: [{ meter: "input", min_context: 0, unit_price: 1, per: 1_000_000 }, { meter: "output", min_context: 0, unit_price: 2, per: 1_000_000 }], is_default: false, ...over }) as Model;

export const MODELS = [model("demo", { is_default: true }), model("demo-fast", { id: 2, abilities: [] }), model("demo-slow", { id: 3, context_tokens: 200_000 })];

export const PICTURE = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="320" height="180"><rect width="320" height="180" fill="#63c7bb"/><path d="M0 110h320v70H0z" fill="#0b6b64"/></svg>')}`;
export const image: Attachment = { type: "image", url: PICTURE, name: "Weir at dawn.svg", size_bytes: 24_300 };
export const paper: Attachment = { type: "file", url: "/api/uploads/u1", name: "Annual report of the water board.pdf", kind: "pdf", pages: 12, tokens: 9400, size_bytes: 1_250_000, state: "ready" };

export const citation = (n: number, title: string, quote: string): Citation => ({ n, title, quote, knowledge_id: "k1", document_id: `d${n}`, version: 1, page: n, c0: 0, c1: quote.length });

export const fox: Assistant = { id: "a1", name: "Fox", description: "Knows rivers.", avatar: "🦊", has_picture: false, openers: ["What is a weir?", "And a dam?"], own: true, share: "private", model: "demo" };

export const DAYS: Day[] = Array.from({ length: 30 }, (_, i) => ({
	...NOTHING,
	name: new Date(Date.UTC(2026, 1, 17 + i)).toISOString().slice(0, 10),
	calls: (i * 7) % 23,
	errors: i % 9 === 0 ? 1 : 0,
	request_tokens: 1200 * ((i * 7) % 23),
	response_tokens: 400 * ((i * 7) % 23),
	cost: ((i * 7) % 23) * 1.7,
}));
