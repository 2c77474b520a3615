/*
 * Other programs' exports, brought into the shape that Weir imports: ChatGPT's conversations.json (a tree of
 * messages, of which the branch that was shown last counts), LobeChat's data (messages with a topic or session),
 * Open WebUI's chats (a tree in history), and Weir's own files.
 */
import type { Brought } from "@/api/sharing";

type Any = Record<string, unknown>;
type Line = Brought["messages"][number];

const isObject = (x: unknown): x is Any => typeof x === "object" && x !== null && !Array.isArray(x);
const list = (x: unknown): unknown[] => (Array.isArray(x) ? x : []);
const word = (x: unknown): string | undefined => (typeof x === "string" && x.trim() !== "" ? x : undefined);

/** Seconds or milliseconds since 1970, or a date as text. */
function time(x: unknown): string | undefined {
	const at = typeof x === "number" ? new Date(x < 1e11 ? x * 1000 : x) : typeof x === "string" ? new Date(x) : undefined;
	return at && at.getTime() > 0 && at.getTime() <= Date.now() ? at.toISOString() : undefined;
}

const name = (x: unknown): string | undefined => word(x)?.replace(/\s+/g, " ").trim().slice(0, 200);

function line(role: unknown, content: string | undefined, model: unknown, at: unknown): Line[] {
	if ((role !== "user" && role !== "assistant") || content === undefined) return [];
	return [{ role, content, model: name(model), created_at: time(at) }];
}

/** What leads to `leaf`, oldest first; a tree that bites its tail ends there. */
function branch(nodes: Any, leaf: unknown, parent: string): Any[] {
	const way: Any[] = [];
	const seen = new Set<unknown>();
	for (let id = leaf; typeof id === "string" && !seen.has(id) && isObject(nodes[id]); id = (nodes[id] as Any)[parent]) {
		seen.add(id);
		way.unshift(nodes[id] as Any);
	}
	return way;
}

function chatgpt(c: Any): Brought {
	const nodes = c.mapping as Any;
	const leaf = c.current_node ?? Object.keys(nodes).find((id) => list((nodes[id] as Any)?.children).length === 0);
	return {
		title: name(c.title),
		created_at: time(c.create_time),
		messages: branch(nodes, leaf, "parent").flatMap((node) => {
			const m = isObject(node.message) ? node.message : {};
			const content = isObject(m.content) ? m.content : {};
			const meta = isObject(m.metadata) ? m.metadata : {};
			if (meta.is_visually_hidden_from_conversation || !["text", "multimodal_text"].includes(String(content.content_type))) return [];
			const text = list(content.parts).filter((p): p is string => typeof p === "string").join("\n");
			return line(isObject(m.author) ? m.author.role : undefined, word(text), meta.model_slug, m.create_time);
		}),
	};
}

function openwebui(row: Any): Brought {
	const chat = row.chat as Any;
	const history = isObject(chat.history) ? chat.history : {};
	const nodes = isObject(history.messages) ? history.messages : {};
	const way = branch(nodes, history.currentId, "parentId");
	return {
		title: name(row.title) ?? name(chat.title),
		created_at: time(row.created_at ?? chat.timestamp),
		messages: (way.length > 0 ? way : list(chat.messages).filter(isObject)).flatMap((m) => line(m.role, word(m.content), m.model, m.timestamp)),
	};
}

function lobechat(state: Any): Brought[] {
	const titles = new Map<unknown, unknown>();
	for (const s of list(state.sessions).filter(isObject)) titles.set(s.id, isObject(s.meta) ? s.meta.title : s.title);
	for (const t of list(state.topics).filter(isObject)) titles.set(t.id, t.title);
	const groups = new Map<unknown, Any[]>();
	for (const m of list(state.messages).filter(isObject)) {
		const key = m.topicId ?? m.sessionId ?? "";
		groups.set(key, [...(groups.get(key) ?? []), m]);
	}
	const when = (m: Any) => Date.parse(time(m.createdAt) ?? "") || 0;
	return [...groups].map(([key, messages]) => {
		const sorted = messages.sort((a, b) => when(a) - when(b));
		return {
			title: name(titles.get(key)),
			created_at: time(sorted[0]!.createdAt),
			messages: sorted.flatMap((m) => line(m.role, word(m.content), m.model ?? (isObject(m.extra) ? m.extra.fromModel : undefined), m.createdAt)),
		};
	});
}

function weir(c: Any): Brought {
	return {
		title: name(c.title),
		created_at: time(c.created_at),
		messages: list(c.messages).filter(isObject).flatMap((m) => line(m.role, word(m.content), m.model, m.created_at)),
	};
}

function one(c: unknown): Brought[] | null {
	if (!isObject(c)) return null;
	if (isObject(c.mapping)) return [chatgpt(c)];
	if (isObject(c.chat)) return [openwebui(c)];
	if (c.format === "weir-conversation") return [weir(c)];
	if (c.format === "weir-conversations") return list(c.conversations).filter(isObject).map(weir);
	if (isObject(c.state) && Array.isArray(c.state.messages)) return lobechat(c.state);
	if (isObject(c.data) && Array.isArray(c.data.messages)) return lobechat(c.data);
	return null;
}

/** What is in an export; null: it is none that is known. Conversations without an answer are left out. */
export function readExport(text: string): Brought[] | null {
	let file: unknown;
	try {
		file = JSON.parse(text);
	} catch {
		return null;
	}
	const found = (Array.isArray(file) ? file : [file]).map(one);
	if (found.length === 0 || found.every((f) => f === null)) return null;
	return found.flatMap((f) => f ?? []).filter((c) => c.messages.some((m) => m.role === "assistant"));
}
