import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Conversation, Folder } from "@/api/types";
import ConversationList from "@/components/order/ConversationList";
import { useTemporary } from "@/hooks/useTemporary";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { readExport } from "@/lib/bring";
import { listRows, rangeOf } from "@/lib/order";
import { keys, queryClient } from "@/queries/client";
import { refreshConversations } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { useToasts } from "@/stores/notices";
import { deleteWaiting, SELECTED_MAX, useOrder } from "@/stores/order";
import { json } from "./help";

// A busy machine is slow.
configure({ asyncUtilTimeout: 20_000 });
vi.setConfig({ testTimeout: 60_000 });

const NOW = new Date("2026-03-04T12:00:00");

function conversation(n: number, over: Partial<Conversation> = {}): Conversation {
	return {
		id: `c${n}`,
		agent_id: null,
		project_id: null,
		assistant_id: null,
		assistant_name: null,
		assistant_gone: false,
		prompt: null,
		temperature: null,
		top_p: null,
		context_messages: null,
		tool_servers: null,
		tools_always: null,
		model: null,
		title: `Title ${n}`,
		title_is_custom: false,
		message_count: 2,
		total_tokens: 0,
		folder_id: null,
		pinned: false,
		archived: false,
		temporary_until: null,
		knowledge_ids: null,
		knowledge_mode: null,
		knowledge_rewrite: null,
		created_at: "2026-01-01T00:00:00.000Z",
		updated_at: new Date(NOW.getTime() - n * 60_000).toISOString(),
		...over,
	};
}

const folder = (id: string): Folder => ({ id, name: `Folder ${id}`, conversations: 3, created_at: "2026-01-01T00:00:00.000Z" });
const shown = (over: object = {}) => ({
	pinned: [],
	folders: null,
	items: [],
	more: false,
	archived: false,
	going: new Set<string>(),
	language: "en" as const,
	words: { pinned: "Pinned", folders: "Folders" },
	...over,
});

describe("the rows of the list", () => {
	it("are the pinned, the folders, then the days, and the way to the archive", () => {
		const rows = listRows(
			shown({ pinned: [conversation(9)], folders: [folder("a")], items: [conversation(1), conversation(2), conversation(3000)], archived: true, more: true }),
			NOW,
		);
		expect(rows.map((r) => (r.kind === "heading" ? r.label : r.key))).toEqual(
			["Pinned", "c9", "Folders", "folder a", "Today", "c1", "c2", "2 March", "c3000", "more", "archived"]);
		expect(new Set(rows.map((r) => r.key)).size).toBe(rows.length);
	});

	it("leave out what is about to be deleted, and days without anything left", () => {
		const rows = listRows(shown({ pinned: [conversation(9)], items: [conversation(1), conversation(3000)], going: new Set(["c9", "c3000"]) }), NOW);
		expect(rows.map((r) => r.key)).toEqual(["date Today", "c1"]);
	});

	it("have ranges either way, and of one where there is no beginning", () => {
		const rows = listRows(shown({ items: [1, 2, 3000, 3001].map((n) => conversation(n)) }), NOW);
		expect(rangeOf(rows, "c2", "c3001")).toEqual(["c2", "c3000", "c3001"]);
		expect(rangeOf(rows, "c3000", "c1")).toEqual(["c1", "c2", "c3000"]);
		expect(rangeOf(rows, null, "c2")).toEqual(["c2"]);
		expect(rangeOf(rows, "elsewhere", "c2")).toEqual(["c2"]);
		expect(rangeOf(rows, "c1", "elsewhere")).toEqual([]);
	});
});

/** A server with so many conversations, newest first, that takes what is arranged. */
function server(count: number) {
	let all = Array.from({ length: count }, (_, n) => conversation(n));
	const asked: { path: string; body: unknown; keepalive: boolean }[] = [];
	const fetched = vi.fn(async (input: RequestInfo | URL, init: RequestInit = {}) => {
		const url = new URL(String(input), "http://x");
		const body = init.body === undefined ? undefined : JSON.parse(String(init.body));
		asked.push({ path: url.pathname + url.search, body, keepalive: init.keepalive === true });
		if (url.pathname === "/api/auth/refresh") return json({ user: {}, access_token: "t", token_type: "Bearer", expires_in: 600, refresh_token: "r" });
		if (url.pathname === "/api/folders") return json({ items: [folder("a"), folder("b")], has_more: false });
		if (url.pathname === "/api/conversations/arrange") {
			const { ids, action, folder_id } = body as { ids: string[]; action: string; folder_id: string | null };
			const change: Partial<Conversation> = action === "archive" ? { archived: true } : action === "unarchive" ? { archived: false } : action === "pin" ? { pinned: true } : { folder_id };
			all = action === "delete" ? all.filter((c) => !ids.includes(c.id)) : all.map((c) => (ids.includes(c.id) ? { ...c, ...change } : c));
			return new Response(null, { status: 204 });
		}
		const view = url.searchParams.get("view");
		const fits = all.filter((c) => (view === "archived") === c.archived && (view !== "pinned" || c.pinned) && (view !== "loose" || (!c.pinned && c.folder_id === null)));
		const before = url.searchParams.get("before_id");
		const from = before === null ? 0 : fits.findIndex((c) => c.id === before) + 1;
		return json({ items: fits.slice(from, from + 100), has_more: from + 100 < fits.length });
	});
	globalThis.fetch = fetched;
	return { asked, arranged: () => asked.filter((a) => a.path === "/api/conversations/arrange") };
}

function draw() {
	return render(
		<QueryClientProvider client={queryClient}>
			<ConversationList search="" onOpen={() => undefined} />
		</QueryClientProvider>,
	);
}

const titles = () => [...document.querySelectorAll("li[data-row=conversation] a")].map((a) => a.textContent);
const item = async (n: number) => screen.findByRole("link", { name: `Title ${n}` });

describe("the list", () => {
	beforeEach(async () => {
		await startI18n();
		await withTexts(["order"], Promise.resolve());
		queryClient.clear();
		useConversation.getState().clear();
		useToasts.setState({ items: [] });
		useOrder.setState({ place: { kind: "home" }, selected: null, anchor: null, going: new Set() });
		// jsdom lays nothing out
		vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
		vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(288);
	});
	afterEach(() => {
		cleanup();
		vi.restoreAllMocks();
	});

	it("draws some rows of thousands, each 34 pixels high", async () => {
		server(5000);
		draw();
		await item(1);
		const rows = document.querySelectorAll("nav li");
		expect(rows.length).toBeGreaterThan(15);
		expect(rows.length).toBeLessThan(60);
		expect([...rows].every((li) => (li as HTMLElement).style.height === "34px")).toBe(true);
	});

	it("selects a range with Shift, archives it in one request, and takes it back", async () => {
		const { arranged } = server(10);
		draw();
		fireEvent.click(await item(2), { shiftKey: true });
		fireEvent.click(await item(4), { shiftKey: true });
		expect([...useOrder.getState().selected!]).toEqual(["c2", "c3", "c4"]);
		fireEvent.click(screen.getByRole("button", { name: "Archive" }));
		await waitFor(() => expect(titles()).toEqual(["Title 0", "Title 1", "Title 5", "Title 6", "Title 7", "Title 8", "Title 9"]));
		expect(arranged().map((a) => a.body)).toEqual([{ ids: ["c2", "c3", "c4"], action: "archive", folder_id: null }]);
		await waitFor(() => expect(useToasts.getState().items.at(-1)?.text).toBe("3 archived"));
		act(() => useToasts.getState().items.at(-1)!.action!.run());
		await waitFor(() => expect(titles()).toHaveLength(10));
		expect(arranged().at(-1)!.body).toEqual({ ids: ["c2", "c3", "c4"], action: "unarchive", folder_id: null });
	});

	it("deletes after a while, not when it was taken back, and at once when the page is left", async () => {
		const { arranged } = server(4);
		draw();
		await item(1);
		for (const take of ["back", "leave"]) {
			fireEvent.click(screen.getByRole("button", { name: "Menu of “Title 1”" }));
			fireEvent.click(screen.getByRole("menuitem", { name: "Delete" }));
			await waitFor(() => expect(titles()).toEqual(["Title 0", "Title 2", "Title 3"]));
			expect(arranged()).toEqual([]);
			if (take === "back") {
				act(() => useToasts.getState().items.at(-1)!.action!.run());
				await waitFor(() => expect(titles()).toHaveLength(4));
			}
		}
		await act(deleteWaiting);
		expect(arranged().map((a) => [a.body, a.keepalive])).toEqual([[{ ids: ["c1"], action: "delete", folder_id: null }, true]]);
		expect(titles()).toEqual(["Title 0", "Title 2", "Title 3"]);
	});

	it("puts a folder where it is let go, and not itself, nor a folder into one", async () => {
		const { asked, arranged } = server(3);
		draw();
		const row = async (id: string) => (await screen.findByText(`Folder ${id}`)).closest("[draggable]")!;
		const dataTransfer = { types: ["text/plain"], setData: () => undefined, getData: () => "", dropEffect: "", effectAllowed: "" };
		const [a, b] = [await row("a"), await row("b")];
		fireEvent.dragStart(a, { dataTransfer });
		expect(fireEvent.dragOver(a, { dataTransfer })).toBe(true); // not taken
		expect(fireEvent.dragOver(b, { dataTransfer })).toBe(false);
		fireEvent.drop(b, { dataTransfer });
		fireEvent.dragEnd(a, { dataTransfer });
		await waitFor(() => expect(asked.filter((q) => q.path.startsWith("/api/folders/")).map((q) => [q.path, q.body])).toEqual([["/api/folders/a", { position: 1 }]]));
		expect(fireEvent.dragOver(b, { dataTransfer })).toBe(true); // nothing is dragged any more
		expect(arranged()).toEqual([]);
	});

	it("takes what is dropped on a folder, and selects no more than one request takes", async () => {
		const { arranged } = server(3);
		draw();
		const data: Record<string, string> = {};
		const dataTransfer = { setData: (k: string, v: string) => (data[k] = v), getData: (k: string) => data[k] ?? "", get types() { return Object.keys(data); }, effectAllowed: "", dropEffect: "" };
		fireEvent.dragStart(await item(1), { dataTransfer });
		const target = screen.getByText("Folder b");
		fireEvent.dragOver(target, { dataTransfer });
		fireEvent.drop(target, { dataTransfer });
		await waitFor(() => expect(arranged().map((a) => a.body)).toEqual([{ ids: ["c1"], action: "move", folder_id: "b" }]));
		await waitFor(() => expect(titles()).toEqual(["Title 0", "Title 2"]));
		act(() => useOrder.getState().select(Array.from({ length: SELECTED_MAX + 1 }, (_, n) => `x${n}`), "x0"));
		expect(useOrder.getState().selected).toBeNull();
		expect(useToasts.getState().items.at(-1)?.text).toBe(`At most ${SELECTED_MAX} at a time.`);
	});

	it("reads of a long list the head alone when something has changed", async () => {
		const { asked } = server(1000);
		queryClient.setQueryData(keys.conversations({ view: "loose", q: "" }), {
			pageParams: [undefined, "c99", "c199"],
			pages: [0, 1, 2].map((p) => ({ items: Array.from({ length: 100 }, (_, n) => conversation(100 * p + n + (p === 0 && n === 0 ? 5000 : 0))), has_more: true })),
		});
		draw();
		await item(1);
		asked.length = 0;
		await act(refreshConversations);
		expect(asked.filter((a) => a.path.includes("view=loose")).map((a) => a.path)).toEqual(["/api/conversations?limit=100&view=loose"]);
		await item(0);
	});
});

describe("a temporary conversation", () => {
	it("is deleted when it is left, unless it was kept", async () => {
		const { arranged } = server(0);
		const made = conversation(1, { temporary_until: "2026-03-05T00:00:00.000Z" });
		const Page = ({ c }: { c?: Conversation }) => {
			useTemporary(c);
			return null;
		};
		queryClient.setQueryData(keys.conversation("c1"), made);
		const { rerender } = render(<Page c={made} />);
		rerender(<Page />);
		await waitFor(() => expect(arranged().map((a) => a.body)).toEqual([{ ids: ["c1"], action: "delete", folder_id: null }]));
		const kept = { ...made, id: "c2" };
		queryClient.setQueryData(keys.conversation("c2"), kept);
		rerender(<Page c={kept} />);
		queryClient.setQueryData(keys.conversation("c2"), { ...kept, temporary_until: null });
		rerender(<Page c={{ ...kept, temporary_until: null }} />);
		rerender(<Page />);
		window.dispatchEvent(new Event("pagehide"));
		await new Promise((done) => setTimeout(done, 700));
		expect(arranged()).toHaveLength(1);
	});
});

it("several conversations of one file are brought back", () => {
	const one = { format: "weir-conversation", version: 1, title: "A", created_at: "2024-01-01T00:00:00Z", messages: [{ role: "user", content: "q" }, { role: "assistant", content: "a" }] };
	const read = readExport(JSON.stringify({ format: "weir-conversations", version: 1, conversations: [one, { ...one, title: "B" }] }));
	expect(read?.map((c) => c.title)).toEqual(["A", "B"]);
});
