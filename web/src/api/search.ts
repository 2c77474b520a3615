/* What the finder asks for. */
import { call } from "./client";
import type { components } from "./schema";
import type { Conversation, List } from "./types";

export type FoundMessage = components["schemas"]["FoundMessage"];

export const search = {
	messages: (q: string, before_id: string | undefined, signal: AbortSignal) =>
		call<List<FoundMessage>>("/api/search", { query: { q, before_id, limit: 20 }, signal }),
	titles: (q: string, signal: AbortSignal) => call<List<Conversation>>("/api/conversations", { query: { q, limit: 8 }, signal }),
};
