import { beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import type { Message } from "@/api/types";
import { startI18n } from "@/i18n";
import { keys, queryClient } from "@/queries/client";
import { cachedMessages, upsert } from "@/queries/messages";
import { useConversation } from "@/stores/conversation";
import { useNotifications } from "@/stores/notices";
import { useRuntime } from "@/stores/runtime";
import { useTasks } from "@/stores/tasks";
import { dropAllTurns, followTask, isOurs, regenerateMessage, sendMessage, stopTurns } from "@/stream/turns";
import { event, json, message, sse } from "./help";

const ASK = { content: "hello?", model: "demo", attachments: [] };
const QUESTION = message({ id: "q", role: "user", sequence: 1, content: "hello?" });
const start = (assistant: string, task = "t1") =>
	event("start", { task_id: task, conversation_id: "c1", title: "hello?", model: "demo", user_message: QUESTION, assistant_message_id: assistant }, "0");
const content = (text: string, id: string) => event("content", { text }, id);
const end = (type: string, answer: Message, more = {}) =>
	event(type, { task_id: "t1", assistant_message: answer, credits_consumed: 1, balance: 41, ...more }, "9-1") + "data: [DONE]\n\n";

type Route = (path: string, init: RequestInit) => Response | Promise<Response> | undefined;
let requests: { method: string; path: string; headers: Headers }[];

function server(route: Route) {
	requests = [];
	vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
		requests.push({ method: init.method ?? "GET", path, headers: new Headers(init.headers) });
		const answer = await route(path, init);
		if (answer) return answer;
		return json({ items: [], has_more: false });
	});
}

/** A stream whose pieces the test sends. */
function live() {
	let controller!: ReadableStreamDefaultController<Uint8Array>;
	const stream = new ReadableStream<Uint8Array>({ start: (c) => void (controller = c) });
	return {
		response: new Response(stream),
		push: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
		close: () => controller.close(),
		cut: () => controller.error(new TypeError("network error")),
	};
}

function seed(id: string, ...messages: Message[]) {
	queryClient.setQueryData(keys.messages(id), upsert(undefined, messages));
}

const turns = () => Object.values(useRuntime.getState().turns);

beforeEach(async () => {
	await startI18n();
	dropAllTurns();
	queryClient.clear();
	useTasks.getState().clear();
	useNotifications.getState().clear();
	useConversation.getState().clear();
	useConversation.getState().setActive("c1");
	useSession.setState({ status: "in", token: "token", expiresAt: Date.now() + 900_000 });
});

describe("a question", () => {
	it("shows at once, gets its names from the server, and ends as the server says", async () => {
		const s = live();
		seed("c1");
		server((path) => (path.endsWith("/stream") ? s.response : undefined));
		const done = sendMessage("c1", ASK);
		expect(turns()[0]).toMatchObject({ phase: "asking", question: { content: "hello?" } });
		s.push(start("a"));
		await vi.waitFor(() => expect(turns()[0]).toMatchObject({ phase: "waiting", taskId: "t1", assistantId: "a", question: null }));
		expect(cachedMessages("c1").map((m) => m.id)).toEqual(["q"]);
		expect(useTasks.getState().active.t1?.conversationId).toBe("c1");
		s.push(content("Hel", "3") + content("lo", "5"));
		await vi.waitFor(() => expect(turns()[0]).toMatchObject({ phase: "streaming", text: "Hello" }));
		s.push(end("done", message({ id: "a", content: "Hello" })));
		expect(await done).toBe(true);
		expect(turns()).toEqual([]);
		expect(cachedMessages("c1").map((m) => m.content)).toEqual(["hello?", "Hello"]);
		expect(useTasks.getState().active).toEqual({});
		expect(isOurs("t1", "c1")).toBe(true);
	});

	it("writes to its own conversation, whichever is on the screen, and tells once when it ends there", async () => {
		const s = live();
		seed("c1");
		seed("c2", message({ id: "other", conversation_id: "c2" }));
		server((path) => (path.includes("c1/messages/stream") ? s.response : undefined));
		const done = sendMessage("c1", ASK);
		s.push(start("a") + content("half", "4"));
		await vi.waitFor(() => expect(turns()[0]?.text).toBe("half"));
		useConversation.getState().setActive("c2");
		s.push(content(" and half", "13") + end("done", message({ id: "a", content: "half and half" })));
		await done;
		expect(cachedMessages("c1").at(-1)?.content).toBe("half and half");
		expect(cachedMessages("c2").map((m) => m.id)).toEqual(["other"]);
		expect(useNotifications.getState().items).toMatchObject([{ taskId: "t1", conversationId: "c1" }]);
		expect(useTasks.getState().finished).toEqual({ c1: 1 });
	});

	it("is given back when it was refused (429), and nothing of it stays", async () => {
		seed("c1");
		server((path) => (path.endsWith("/stream") ? json({ code: "rate_limited", message: "" }, 429, { "Retry-After": "7" }) : undefined));
		expect(await sendMessage("c1", ASK)).toBe(false);
		expect(turns()).toEqual([]);
		expect(requests.filter((r) => r.path.endsWith("/stream"))).toHaveLength(1);
	});

	it("stays with its refused answer when credits lack (402)", async () => {
		const kept = message({ id: "a", status: "insufficient_balance", is_error: true });
		server((path) =>
			path.endsWith("/stream") ? json({ code: "insufficient_credits", message: "", details: { balance: 0, required: 2, assistant_message: kept } }, 402) : undefined,
		);
		expect(await sendMessage("c1", ASK)).toBe(true);
		expect(cachedMessages("c1")).toMatchObject([{ id: "a", status: "insufficient_balance" }]);
	});

	it("is stopped by the server, and at once when it was not accepted yet", async () => {
		const s = live();
		seed("c1");
		server((path) => (path.endsWith("/messages/stream") ? s.response : path.endsWith("/abort") ? json({}) : undefined));
		const done = sendMessage("c1", ASK);
		stopTurns("c1");
		expect(turns()[0]?.phase).toBe("stopping");
		s.push(start("a"));
		await vi.waitFor(() => expect(requests.some((r) => r.path === "/api/tasks/t1/abort")).toBe(true));
		s.push(end("cancelled", message({ id: "a", content: "", error_message: "Stopped." })));
		expect(await done).toBe(true);
	});
});

describe("answering again", () => {
	const failed = message({ id: "a", sequence: 2, content: "", status: "llm_error", is_error: true, error_display: "Bad luck" });

	it("fills a failed answer in its place", async () => {
		const s = live();
		seed("c1", QUESTION, failed);
		server((path) => (path.endsWith("/regenerate") ? s.response : undefined));
		const done = regenerateMessage("c1", failed, "demo");
		expect(turns()[0]).toMatchObject({ kind: "refill", assistantId: "a", text: "" });
		s.push(start("a") + content("full", "4") + end("done", message({ id: "a", sequence: 2, content: "full" })));
		await done;
		expect(cachedMessages("c1")).toMatchObject([{ id: "q" }, { id: "a", content: "full", is_error: false }]);
	});

	it("restores it when that fails too, and it can be tried again", async () => {
		seed("c1", QUESTION, failed);
		server((path) => (path.endsWith("/regenerate") ? sse([start("a"), content("x", "1"), end("error", failed, { code: "upstream_failed" })]) : undefined));
		await regenerateMessage("c1", failed, "demo");
		expect(cachedMessages("c1").at(-1)).toMatchObject({ id: "a", is_error: true, error_display: "Bad luck", content: "" });
		expect(turns()).toEqual([]);
	});

	it("puts another version in the place of a good one, and of what followed it", async () => {
		const good = message({ id: "a", content: "good", versions: ["z", "a"] });
		seed("c1", QUESTION, good, message({ id: "q2", role: "user", sequence: 3 }), message({ id: "a2", sequence: 4 }));
		server((path) => (path.endsWith("/regenerate") ? sse([start("b"), end("done", message({ id: "b", sequence: 5, content: "better" }), { usage: { finish: "length" } })]) : undefined));
		await regenerateMessage("c1", good, null);
		expect(cachedMessages("c1").map((m) => m.content)).toEqual(["hello?", "better"]);
		expect(cachedMessages("c1")[1]).toMatchObject({ versions: ["z", "a", "b"], finish: "length" });
	});

	it("asks in other words, in the place of a question", async () => {
		const other = message({ id: "q9", role: "user", sequence: 5, content: "other words" });
		seed("c1", QUESTION, message({ id: "a", sequence: 2 }));
		let asked: unknown;
		server((path, init) => {
			if (!path.endsWith("/stream")) return undefined;
			asked = JSON.parse(String(init.body));
			return sse([
				event("start", { task_id: "t1", conversation_id: "c1", title: "", model: "demo", user_message: other, assistant_message_id: "b" }, "0"),
				end("done", message({ id: "b", sequence: 6, content: "then" })),
			]);
		});
		await sendMessage("c1", { ...ASK, content: "other words" }, QUESTION);
		expect(asked).toMatchObject({ content: "other words", edit_of: "q" });
		expect(cachedMessages("c1")).toMatchObject([{ id: "q9", versions: ["q", "q9"] }, { id: "b" }]);
	});
});

describe("joining", () => {
	const running = message({ id: "a", status: "processing", task_id: "t1" });

	it("follows an answer from its beginning, once", async () => {
		const s = live();
		seed("c1", QUESTION, running);
		server((path) => (path === "/api/tasks/t1/stream" ? s.response : undefined));
		const done = followTask("c1", "t1", running);
		void followTask("c1", "t1", running);
		s.push(start("a") + content("whole", "5") + end("done", message({ id: "a", content: "whole" })));
		await done;
		expect(requests.filter((r) => r.path === "/api/tasks/t1/stream")).toHaveLength(1);
		expect(cachedMessages("c1").at(-1)?.content).toBe("whole");
		await followTask("c1", "t1", running); // an older list said that it runs
		expect(turns()).toEqual([]);
	});

	it("keeps what was there while the line is broken", async () => {
		const one = live();
		const two = live();
		seed("c1", QUESTION, running);
		const streams = [one, two];
		server((path) => (path === "/api/tasks/t1/stream" ? streams.shift()?.response : undefined));
		const done = followTask("c1", "t1", running);
		one.push(start("a") + content("first ", "6"));
		await vi.waitFor(() => expect(turns()[0]?.text).toBe("first "));
		one.cut();
		await vi.waitFor(() => expect(turns()[0]).toMatchObject({ phase: "reconnecting", text: "first " }));
		await vi.waitFor(() => expect(requests.at(-1)?.headers.get("Last-Event-ID")).toBe("6"), 3_000);
		two.push(content("second", "12") + end("done", message({ id: "a", content: "first second" })));
		await done;
		expect(cachedMessages("c1").at(-1)?.content).toBe("first second");
	});
});
