import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Assistant, AssistantDetails, Prompt } from "@/api/assistants";
import type { Conversation } from "@/api/types";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { countOf, NOTHING_SET, numberIn } from "@/lib/overrides";
import { calledFor, fill, find, readPrompts, variablesOf } from "@/lib/prompts";
import { queryClient } from "@/queries/client";
import { useConversation } from "@/stores/conversation";
import { json } from "./help";

const prompt = (name: string, text: string) => ({ id: name, name, text, created_at: "", updated_at: "" }) as Prompt;
const fox: Assistant = { id: "a1", name: "Fox", description: "Knows rivers.", avatar: "🦊", has_picture: false, openers: ["What is a weir?", "And a dam?"], own: true, share: "private", model: "demo" };
const sent = vi.fn<(url: string, init?: RequestInit) => Promise<Response>>();
const bodies = () => sent.mock.calls.filter(([, init]) => init?.body).map(([url, init]) => [init!.method, new URL(url, location.href).pathname, JSON.parse(init!.body as string)]);

beforeAll(async () => {
	configure({ asyncUtilTimeout: 20_000 });
	await startI18n();
	await withTexts(["assistants"], Promise.resolve());
	HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
		this.open = true;
	};
	HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
		this.open = false;
	};
	Element.prototype.scrollIntoView ??= () => undefined;
});
beforeEach(() => {
	queryClient.clear();
	useConversation.getState().clear();
	sent.mockReset();
	vi.stubGlobal("fetch", sent);
});
afterEach(cleanup);

const show = (node: React.ReactNode) => render(<QueryClientProvider client={queryClient}>{node}</QueryClientProvider>);

describe("prompts", () => {
	it("have variables, each asked for once", () => {
		expect(variablesOf("{{a}} {{ b }} {{a}} {c} {{}} {{d\ne}} {{名}}")).toEqual(["a", "b", "名"]);
		expect(fill("{{a}}, {{ b }}, {{c}}", { a: "1", b: "$& {{c}}" })).toBe("1, $& {{c}}, {{c}}");
		expect(fill("{{toString}}", {})).toBe("{{toString}}");
	});
	it("are called for by a slash at the beginning of one line", () => {
		expect(["/", "/tr an", "//x"].map(calledFor)).toEqual(["", "tr an", "/x"]);
		expect(["", "a /", " /a", "/a\nb", `/${"x".repeat(61)}`].map(calledFor)).toEqual([null, null, null, null, null]);
	});
	it("are found by all words, names first", () => {
		const all = [prompt("Poem", "translate nothing"), prompt("To translate", "x"), prompt("Translate", "Into {{language}}"), prompt("Sum", "y")];
		expect(find(all, "TRANS").map((p) => p.name)).toEqual(["Translate", "To translate", "Poem"]);
		expect(find(all, "into trans").map((p) => p.name)).toEqual(["Translate"]);
		expect(find(all, "")).toHaveLength(4);
		expect(find(all, "none")).toEqual([]);
	});
	it("are read from files", () => {
		expect(readPrompts('{"prompts":[{"name":"a","text":"b"}]}')).toEqual([{ name: "a", text: "b" }]);
		expect(readPrompts('[{"title":"a","content":"b"}]')).toEqual([{ name: "a", text: "b" }]);
		for (const bad of ["", "x", "null", "[]", "{}", "[1]", '[{"name":"a"}]', '{"prompts":{}}']) expect(readPrompts(bad)).toBeNull();
	});
	it("are chosen with the keys of the composer, which ask for what is missing", async () => {
		const { default: PromptList } = await import("@/components/chat/PromptList");
		sent.mockImplementation(() => Promise.resolve(json({ items: [prompt("One", "first"), prompt("Two", "{{x}}!")], has_more: false })));
		const use = vi.fn();
		const away = vi.fn();
		const active = vi.fn();
		const keys: { current: { take: (e: React.KeyboardEvent) => boolean } | null } = { current: null };
		const press = (key: string, more = {}) => keys.current!.take({ key, nativeEvent: { isComposing: false }, preventDefault: () => undefined, stopPropagation: () => undefined, ...more } as unknown as React.KeyboardEvent);
		show(<PromptList ref={keys} wanted="" onActive={active} onUse={use} onAway={away} />);
		await screen.findByText("Two");
		expect(active).toHaveBeenLastCalledWith("prompt-One");
		expect(press("a")).toBe(false);
		expect(press("Enter", { nativeEvent: { isComposing: true } })).toBe(false);
		expect(press("Enter")).toBe(true);
		expect(use).toHaveBeenLastCalledWith("first");
		fireEvent.click(screen.getByText("Two"));
		const field = await screen.findByLabelText("x");
		fireEvent.change(field, { target: { value: "hello" } });
		fireEvent.submit(field.closest("form")!);
		expect(use).toHaveBeenLastCalledWith("hello!");
		press("Escape");
		expect(away).toHaveBeenCalledOnce();
	});
});

describe("what a conversation sets for itself", () => {
	it("is counted and read", () => {
		expect(countOf(NOTHING_SET)).toBe(0);
		expect(countOf({ temperature: 0, prompt: "", model: "m" })).toBe(2);
		expect([numberIn("", 2), numberIn(" 1.5 ", 2), numberIn("0", 2), numberIn("2.1", 2), numberIn("-1", 2), numberIn("x", 2), numberIn("1.5", 9, true)]).toEqual([null, 1.5, 0, undefined, undefined, undefined, undefined]);
	});
	it("is saved, and reset", async () => {
		const { default: ConversationSettings } = await import("@/components/chat/ConversationSettings");
		const conversation = { id: "c1", ...NOTHING_SET, top_p: 0.5 } as Conversation;
		sent.mockImplementation((url) => Promise.resolve(json(url.includes("/models") ? { items: [], has_more: false } : conversation)));
		const close = vi.fn();
		show(<ConversationSettings conversation={conversation} onClose={close} />);
		fireEvent.change(screen.getByLabelText("Temperature"), { target: { value: "9" } });
		expect(screen.getByText<HTMLButtonElement>("Save").disabled).toBe(true);
		fireEvent.change(screen.getByLabelText("Temperature"), { target: { value: "1.5" } });
		fireEvent.click(screen.getByLabelText("A system prompt of its own"));
		fireEvent.click(screen.getByText("Save"));
		await waitFor(() => expect(close).toHaveBeenCalledOnce());
		expect(bodies()).toEqual([["PATCH", "/api/conversations/c1", { model: null, prompt: "", temperature: 1.5, top_p: 0.5, context_messages: null }]]);
		cleanup();
		show(<ConversationSettings conversation={conversation} onClose={close} />);
		fireEvent.click(screen.getByText("Reset"));
		await waitFor(() => expect(close).toHaveBeenCalledTimes(2));
		expect(bodies()[1]?.[2]).toEqual(NOTHING_SET);
	});
	it("waits for a conversation that is not begun, which it then goes into once", async () => {
		const { beginConversation } = await import("@/hooks/useMessageHandlers");
		sent.mockImplementation(() => Promise.resolve(json({ id: "c9", ...NOTHING_SET }, 201)));
		const store = useConversation.getState();
		store.setAgent("g1");
		store.setAssistant(fox);
		store.setOverrides({ temperature: 0.5, model: null });
		expect(useConversation.getState().agentId).toBeNull();
		await beginConversation("demo-fast", null, null);
		expect(bodies()[0]![2]).toEqual({ assistant_id: "a1", temperature: 0.5 });
		await beginConversation("demo-fast", null, null);
		expect(bodies()[1]![2]).toEqual({ assistant_id: "a1" });
		useConversation.getState().setAssistant(null);
		useConversation.getState().setOverrides({ model: "demo" });
		await beginConversation("demo-fast", null, null);
		expect(bodies()[2]![2]).toEqual({ model: "demo" });
	});
});

describe("assistants", () => {
	it("bring their opening questions to the empty page", async () => {
		const { EmptyState } = await import("@/components/chat/EmptyState");
		sent.mockImplementation((url) => Promise.resolve(json({ items: url.includes("/assistants") ? [{ ...fox, id: "a2", name: "Owl", own: false, openers: [] }, fox] : [], has_more: false })));
		const pick = vi.fn();
		show(<EmptyState onPick={pick} />);
		const chip = await screen.findByRole("button", { name: /Fox/ });
		expect(screen.queryByText("And a dam?")).toBeNull();
		fireEvent.click(chip);
		screen.getByRole("heading", { name: "Fox" });
		fireEvent.click(screen.getByText("And a dam?"));
		expect(useConversation.getState().drafts.new?.text).toBe("And a dam?");
		expect(pick).toHaveBeenCalledOnce();
		fireEvent.click(chip);
		expect(screen.queryByText("And a dam?")).toBeNull();
	});
	it("are all there: one's own, and those of others page by page", async () => {
		const { ListPage } = await import("@/pages/assistants/ListPage");
		const owl = (n: number) => ({ ...fox, id: `o${n}`, name: `Owl ${n}`, own: false, share: "house" });
		const pages: Record<string, object> = {
			"own": { items: [fox], has_more: false },
			"taken": { items: [{ ...owl(0), share: "link" }], has_more: false },
			"house": { items: [owl(1), owl(2)], has_more: true },
			"house o2": { items: [owl(3)], has_more: false },
		};
		sent.mockImplementation((url) => {
			const { searchParams } = new URL(url, location.href);
			return Promise.resolve(json(pages[[searchParams.get("scope"), searchParams.get("before_id")].filter(Boolean).join(" ")]));
		});
		show(<ListPage />);
		await screen.findByText("Fox");
		await screen.findByText("Owl 2");
		expect(screen.getAllByRole("heading", { level: 3 }).map((h) => h.textContent)).toEqual(["Fox", "Owl 0", "Owl 1", "Owl 2"]);
		fireEvent.click(screen.getByRole("button", { name: "More assistants" }));
		await screen.findByText("Owl 3");
		expect(screen.queryByRole("button", { name: "More assistants" })).toBeNull();
	});
	it("are shared with words about what others see", async () => {
		const { ShareDialog } = await import("@/pages/assistants/ShareDialog");
		const own = { ...fox, url: null, is_barred: false } as AssistantDetails;
		sent.mockImplementation((_url, init) => Promise.resolve(json(init?.method === "PATCH" ? { ...own, share: "link", url: "https://example.org/a/t" } : { items: [], has_more: false })));
		show(<ShareDialog assistant={own} onClose={() => undefined} />);
		screen.getByText(/private knowledge bases stay private/);
		fireEvent.click(screen.getByLabelText(/Who has the link/));
		await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Link").value).toBe("https://example.org/a/t"));
		await waitFor(() => expect(screen.getByRole<HTMLFieldSetElement>("group").disabled).toBe(false));
		expect(bodies()[0]).toEqual(["PATCH", "/api/assistants/a1", { share: "link" }]);
	});
});
