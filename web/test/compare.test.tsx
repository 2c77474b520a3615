import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import type { Message, Model } from "@/api/types";
import Comparison from "@/components/chat/Comparison";
import CompareChips from "@/components/chat/CompareChips";
import { MessageItem } from "@/components/chat/MessageItem";
import { ModelList } from "@/components/chat/ModelList";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { keys, queryClient } from "@/queries/client";
import { cachedMessages, upsert } from "@/queries/messages";
import { othersOf, useCompare } from "@/stores/compare";
import { NEW } from "@/stores/conversation";
import { overlay, useRuntime } from "@/stores/runtime";
import { askBeside, askSeveral } from "@/stream/compare";
import { dropAllTurns, followTask, stopTurns } from "@/stream/turns";
import { event, json, message, sse } from "./help";

const ASK = { content: "hello?", model: "one", attachments: [] };
const QUESTION = message({ id: "q", role: "user", sequence: 1, content: "hello?" });
const start = (id: string, model: string) =>
	event("start", { task_id: `task-${id}`, conversation_id: "c1", title: null, model, user_message: QUESTION, assistant_message_id: id }, "0");
const end = (id: string, over: Partial<Message> = {}, type = "done") =>
	event(type, { task_id: `task-${id}`, assistant_message: message({ id, task_id: `task-${id}`, content: `by ${id}`, ...over }), credits_consumed: 1, balance: 41, usage: { input_tokens: 1, output_tokens: 2, estimated: false, finish: "stop", first_token_ms: 120 } }, "9-1") + "data: [DONE]\n\n";
const whole = (id: string, model: string, over: Partial<Message> = {}) => sse([start(id, model), event("content", { text: `by ${id}` }, "4"), end(id, { model, ...over }, over.is_error ? "error" : "done")]);

interface Asked {
	path: string;
	body: Record<string, unknown>;
}
let asked: Asked[];

/** What is answered to whom; a model that is not named is refused. */
function server(of: (asked: Asked) => Response | undefined) {
	asked = [];
	vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
		if (init.method !== "POST") return json({ items: cachedMessages("c1"), has_more: false });
		const one = { path, body: init.body ? (JSON.parse(init.body as string) as Record<string, unknown>) : {} };
		asked.push(one);
		return of(one) ?? json({ code: "task_queue_full", message: "Full." }, 429);
	});
}
const of = (model: string) => asked.filter((a) => a.body.model === model);
const isFirst = ({ path }: Asked) => path.endsWith("/messages/stream");

beforeAll(async () => {
	configure({ asyncUtilTimeout: 20_000 });
	await startI18n();
	await withTexts(["compare", "files"], Promise.resolve());
	Element.prototype.scrollIntoView ??= () => undefined;
});
beforeEach(() => {
	dropAllTurns();
	queryClient.clear();
	useCompare.getState().clear();
	queryClient.setQueryData(keys.messages("c1"), upsert(undefined, []));
	useSession.setState({ status: "in", token: "token", expiresAt: Date.now() + 900_000 });
});
afterEach(cleanup);

const shown = () => cachedMessages("c1").map((m) => [m.id, (m.beside ?? []).map((b) => b.id)]);
const turns = () => Object.values(useRuntime.getState().turns);

describe("one question to several", () => {
	it("is asked by the first, and answered by the others beside it, in their order", async () => {
		server((a) => (isFirst(a) ? whole("a1", "one", { sequence: 2 }) : whole(a.body.model === "two" ? "a2" : "a3", a.body.model as string, { sequence: a.body.model === "two" ? 3 : 4 })));
		expect(await askSeveral("c1", ASK, ["two", "three"])).toBe(true);
		expect(asked.map((a) => [a.path, a.body.model, a.body.beside])).toEqual([
			["/api/conversations/c1/messages/stream", "one", undefined],
			["/api/conversations/c1/messages/a1/regenerate", "two", true],
			["/api/conversations/c1/messages/a1/regenerate", "three", true],
		]);
		expect(shown()).toEqual([["q", []], ["a1", ["a2", "a3"]]]);
		expect(cachedMessages("c1")[1]).toMatchObject({ first_token_ms: 120, versions: ["a1", "a2", "a3"] });
		expect(turns()).toEqual([]);
	});

	it("shows all from the first moment, and only the first among the messages", async () => {
		let open!: (r: Response) => void;
		server((a) => (isFirst(a) ? undefined : whole("a2", "two")));
		const slow = globalThis.fetch;
		vi.stubGlobal("fetch", (path: string, init: RequestInit) => (path.endsWith("/stream") ? new Promise<Response>((r) => (open = r)) : slow(path, init)));
		const done = askSeveral("c1", ASK, ["two"]);
		await vi.waitFor(() => expect(turns()).toHaveLength(2));
		const [lead, other] = turns();
		expect(other).toMatchObject({ kind: "beside", beside: lead!.answer.id, phase: "asking" });
		expect(overlay([], turns()).map((m) => m.role)).toEqual(["user", "assistant"]);
		await vi.waitFor(() => expect(open).toBeTruthy());
		open(whole("a1", "one"));
		await done;
		expect(shown()).toEqual([["q", []], ["a1", ["a2"]]]);
	});

	it("goes on when one has no slot, and that one can be asked again", async () => {
		let full = true;
		server((a) => (isFirst(a) ? whole("a1", "one") : full ? undefined : whole("a2", "two")));
		expect(await askSeveral("c1", ASK, ["two"])).toBe(true);
		expect(useCompare.getState().refused.q).toMatchObject([{ model: "two" }]);
		expect(shown()).toEqual([["q", []], ["a1", []]]);
		full = false;
		await askBeside("c1", "a1", "q", "two");
		expect(useCompare.getState().refused.q).toEqual([]);
		expect(shown()).toEqual([["q", []], ["a1", ["a2"]]]);
	});

	it("is asked by the next when the first is refused, and given back when all are", async () => {
		server((a) => (a.body.model === "two" && isFirst(a) ? whole("a1", "two") : undefined));
		expect(await askSeveral("c1", ASK, ["two"])).toBe(true);
		expect(asked.map((a) => a.path.split("/").at(-1))).toEqual(["stream", "stream"]);
		expect(useCompare.getState().refused.q).toMatchObject([{ model: "one" }]);
		server(() => undefined);
		expect(await askSeveral("c1", ASK, ["two"])).toBe(false);
		expect(turns()).toEqual([]);
	});

	it("stands beside a question that was kept without credits", async () => {
		const kept = message({ id: "a1", sequence: 2, status: "insufficient_balance", is_error: true, model: "one" });
		server((a) => {
			if (!isFirst(a)) return whole("a2", "two", { sequence: 3 });
			queryClient.setQueryData(keys.messages("c1"), upsert(undefined, [QUESTION, kept]));
			return json({ code: "insufficient_credits", message: "", details: { balance: 0, required: 2, assistant_message: kept } }, 402);
		});
		await askSeveral("c1", ASK, ["two"]);
		expect(of("two")[0]?.path).toContain("/a1/regenerate");
	});

	it("follows a good answer when the first has failed", async () => {
		server((a) => {
			if (a.path.endsWith("/activate")) return new Response(null, { status: 204 });
			return isFirst(a) ? whole("a1", "one", { sequence: 2, is_error: true, status: "llm_error", content: "" }) : whole("a2", "two", { sequence: 3 });
		});
		await askSeveral("c1", ASK, ["two"]);
		expect(asked.at(-1)?.path).toBe("/api/conversations/c1/messages/a2/activate");
	});

	it("does not begin what was stopped before", async () => {
		server((a) => (isFirst(a) ? sse([start("a1", "one"), end("a1", {}, "cancelled")]) : a.path.endsWith("/abort") ? json({}) : whole("a2", "two")));
		const done = askSeveral("c1", ASK, ["two"]);
		stopTurns("c1");
		await done;
		expect(of("two")).toEqual([]);
		expect(turns()).toEqual([]);
	});

	it("is followed after a reload, each where it stands", async () => {
		const b = message({ id: "a2", sequence: 3, status: "processing", model: "two", task_id: "task-a2" });
		queryClient.setQueryData(keys.messages("c1"), upsert(undefined, [QUESTION, message({ id: "a1", sequence: 2, beside: [b] })]));
		vi.stubGlobal("fetch", async () => whole("a2", "two", { sequence: 3 }));
		await followTask("c1", "task-a2", b, "a1");
		expect(shown()).toEqual([["q", []], ["a1", ["a2"]]]);
		expect(cachedMessages("c1")[1]!.beside![0]).toMatchObject({ status: "success", content: "by a2" });
	});
});

// -- what is seen

const none = { turn: undefined, last: true, busy: false, onRegenerate: vi.fn(), onDelete: vi.fn(), onEdit: vi.fn(), onShow: vi.fn(async () => undefined), onJudge: vi.fn(), onGoOn: vi.fn() };
const two = message({ id: "a2", sequence: 3, model: "two", content: "Second words", input_tokens: 7, output_tokens: 1234, credits_cost: 0.5, first_token_ms: 1530 });
const one = message({ id: "a1", sequence: 2, model: "one", content: "First words", beside: [two] });
const show = (over: Partial<typeof none> & { message?: Message } = {}, width = 1200) => {
	vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(width);
	return render(
		<QueryClientProvider client={queryClient}>
			<div>
				<div role="log">
					<Comparison questionId="q" beside={[]} item={{ message: one, ...none, ...over }} />
				</div>
			</div>
		</QueryClientProvider>,
	);
};

describe("answers that are compared", () => {
	it("stand beside each other where there is room, with what each took", async () => {
		show();
		const columns = screen.getAllByRole("article");
		expect(columns.map((c) => within(c).getByRole("heading").textContent)).toEqual(["one", "two"]);
		expect(within(columns[0]!).getByText("Goes on with this one")).toBeTruthy();
		expect(columns[1]!.textContent).toContain("First word after 1.53 s");
		expect(columns[1]!.textContent).toContain("7 tokens in, 1,234 out");
		fireEvent.click(within(columns[1]!).getByRole("button", { name: "Go on with this one" }));
		await waitFor(() => expect(none.onShow).toHaveBeenCalledWith("a2"));
	});

	it("keep their order whichever is followed", () => {
		show({ message: { ...two, beside: [{ ...one, beside: undefined }] } });
		expect(screen.getAllByRole("heading").map((h) => h.textContent)).toEqual(["one", "two"]);
		expect(within(screen.getAllByRole("article")[1]!).getByText("Goes on with this one")).toBeTruthy();
	});

	it("are one at a time where there is none, by a switch that keys turn", () => {
		show({}, 390);
		expect(screen.getAllByRole("article")).toHaveLength(1);
		const [first, second] = screen.getAllByRole("tab");
		expect(first!.getAttribute("aria-selected")).toBe("true");
		fireEvent.keyDown(first!, { key: "ArrowRight" });
		expect(document.activeElement).toBe(second);
		expect(screen.getByRole("tabpanel").textContent).toContain("Second words");
	});

	it("are shown by the one that is followed once the conversation has gone on", () => {
		show({ last: false });
		expect(screen.queryByText("Second words")).toBeNull();
		fireEvent.click(screen.getByRole("button", { name: "Show side by side" }));
		expect(screen.getByText("Second words")).toBeTruthy();
		fireEvent.click(screen.getByRole("button", { name: "Show one" }));
		expect(screen.queryByText("Second words")).toBeNull();
	});

	it("say which model was not asked and why, and ask it again", async () => {
		server(() => whole("a3", "three", { sequence: 4 }));
		queryClient.setQueryData(keys.messages("c1"), upsert(undefined, [QUESTION, one]));
		useCompare.getState().refuse("q", [{ model: "three", text: "Full." }]);
		show();
		const last = screen.getAllByRole("article").at(-1)!;
		expect(within(last).getByRole("alert").textContent).toContain("Full.");
		fireEvent.click(within(last).getByRole("button", { name: "Try again" }));
		await waitFor(() => expect(cachedMessages("c1")[1]!.beside!.map((b) => b.id)).toEqual(["a2", "a3"]));
		expect(useCompare.getState().refused.q).toEqual([]);
	});
});

describe("which models", () => {
	const model = (name: string, over: Partial<Model> = {}) => ({ id: name, name, display_name: null, type: "chat", abilities: [], prices: [], ratio: 1, context_tokens: 8000, makes: null, ...over }) as unknown as Model;
	const models = ["one", "two", "three", "four"].map((name) => model(name));

	it("are chosen in the list of models, two besides the one", () => {
		render(<ModelList conversationId={null} anchor={document.body} models={models} model={models[0]} onSelect={vi.fn()} onClose={vi.fn()} />);
		fireEvent.click(screen.getByRole("button", { name: "Compare with…" }));
		const options = screen.getAllByRole("option");
		expect(options).toHaveLength(3);
		expect(document.activeElement).toBe(options[0]);
		for (const option of options) fireEvent.click(option);
		expect(useCompare.getState().chosen[NEW]).toEqual(["two", "four"]);
		fireEvent.click(screen.getByRole("option", { name: /^two/ }));
		expect(useCompare.getState().chosen[NEW]).toEqual(["four"]);
	});

	it("are named at the question, and can be taken out; the one that is chosen itself is none of them", () => {
		useCompare.getState().choose("c1", ["two", "three"]);
		const { chosen } = useCompare.getState();
		expect(othersOf(chosen, "c1", "three")).toEqual(["two"]);
		render(<CompareChips conversationId="c1" models={models} others={othersOf(chosen, "c1", "one")} />);
		fireEvent.click(screen.getByRole("button", { name: "Do not compare with two" }));
		expect(useCompare.getState().chosen.c1).toEqual(["three"]);
	});
});

it("what a prompt had no room for is told with its answer", async () => {
	render(
		<QueryClientProvider client={queryClient}>
			<MessageItem message={message({ content: "Short", left_out: ["first.txt", "second.txt"] })} {...none} />
		</QueryClientProvider>,
	);
	expect((await screen.findByTestId("left-out")).textContent).toContain("first.txt, second.txt");
});
