import { expect, test } from "vitest";
import { readExport } from "@/lib/bring";

const texts = (file: unknown) => readExport(JSON.stringify(file))?.map((c) => [c.title, c.messages.map((m) => `${m.role}: ${m.content}`)]);

test("ChatGPT: the branch that was shown last, without what is hidden", () => {
	const message = (role: string, parts: unknown[], more = {}) => ({ author: { role }, content: { content_type: "text", parts }, create_time: 1714557600.5, metadata: {}, ...more });
	const file = [
		{
			title: "Weirs",
			create_time: 1714557600,
			current_node: "d",
			mapping: {
				root: { message: null, parent: null, children: ["s"] },
				s: { message: message("system", [""]), parent: "root", children: ["a"] },
				a: { message: message("user", ["what is a weir?"]), parent: "s", children: ["b", "c"] },
				b: { message: message("assistant", ["first try"]), parent: "a", children: [] },
				c: { message: message("assistant", ["a low dam", { content_type: "image_asset_pointer" }], { metadata: { model_slug: "gpt-4o" } }), parent: "a", children: ["t"] },
				t: { message: { ...message("tool", ["x"]), content: { content_type: "code", text: "x" } }, parent: "c", children: ["d"] },
				d: { message: message("user", ["thanks"]), parent: "t", children: [] },
			},
		},
	];
	expect(texts(file)).toEqual([["Weirs", ["user: what is a weir?", "assistant: a low dam", "user: thanks"]]]);
	const [c] = readExport(JSON.stringify(file))!;
	expect(c!.created_at).toBe("2024-05-01T10:00:00.000Z");
	expect(c!.messages[1]).toMatchObject({ model: "gpt-4o", created_at: "2024-05-01T10:00:00.500Z" });
});

test("Open WebUI: the current branch, or the flat list of old exports", () => {
	const messages = {
		a: { id: "a", parentId: null, role: "user", content: "hi", timestamp: 1714557600 },
		b: { id: "b", parentId: "a", role: "assistant", content: "hello", model: "llama3" },
		c: { id: "c", parentId: "a", role: "assistant", content: "other" },
	};
	expect(texts([{ title: "New Chat", chat: { history: { messages, currentId: "b" } } }])).toEqual([["New Chat", ["user: hi", "assistant: hello"]]]);
	expect(texts([{ chat: { title: "old", messages: Object.values(messages).slice(0, 2) } }])).toEqual([["old", ["user: hi", "assistant: hello"]]]);
});

test("LobeChat: by topic, in the order of time", () => {
	const state = {
		sessions: [{ id: "s", meta: { title: "Session" } }],
		topics: [{ id: "t", title: "Topic" }],
		messages: [
			{ role: "assistant", content: "two", topicId: "t", createdAt: 1714557602000, extra: { fromModel: "gpt-4" } },
			{ role: "user", content: "one", topicId: "t", createdAt: 1714557601000 },
			{ role: "user", content: "q", sessionId: "s", createdAt: "2024-05-01T10:00:00Z" },
			{ role: "assistant", content: "a", sessionId: "s", createdAt: "2024-05-01T10:00:01Z" },
			{ role: "tool", content: "x", sessionId: "s", createdAt: "2024-05-01T10:00:02Z" },
		],
	};
	expect(texts({ exportType: "all", state, version: 7 })).toEqual([
		["Topic", ["user: one", "assistant: two"]],
		["Session", ["user: q", "assistant: a"]],
	]);
});

test("Weir's own", () => {
	const file = { format: "weir-conversation", version: 1, title: "t", messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b", model: null }] };
	expect(texts(file)).toEqual([["t", ["user: a", "assistant: b"]]]);
	expect(texts([file, file])).toHaveLength(2);
});

test("what it is not, and hostile trees", () => {
	for (const bad of ["", "{", "[]", "{}", '"x"', "[1,null]", '{"mapping":3}']) expect(readExport(bad)).toBeNull();
	const loop = { mapping: { a: { parent: "b", message: { author: { role: "user" }, content: { content_type: "text", parts: ["x"] } } }, b: { parent: "a" } }, current_node: "a" };
	expect(readExport(JSON.stringify([loop]))).toEqual([]);
	expect(readExport(JSON.stringify([{ mapping: {}, current_node: "zz" }]))).toEqual([]);
	expect(readExport(JSON.stringify([{ chat: { history: { messages: { a: null }, currentId: "a" } } }]))).toEqual([]);
});
