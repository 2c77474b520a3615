import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import { Finder } from "@/components/finder/Finder";
import { Marked } from "@/components/finder/Palette";
import { actOf, begin, close, open, useFinder } from "@/components/finder/shortcuts";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { jumpTo } from "@/lib/jump";
import { keys, queryClient } from "@/queries/client";
import { cachedMessages } from "@/queries/messages";
import { useConversation } from "@/stores/conversation";
import { useSettings } from "@/stores/settings";
import { json, message } from "./help";

// A busy machine draws slowly.
configure({ asyncUtilTimeout: 30_000 });
vi.setConfig({ testTimeout: 90_000 });

const hit = (id: string, over = {}) => ({
	id,
	conversation_id: "c1",
	title: "Weirs",
	role: "assistant",
	model: "demo",
	created_at: "2026-01-02T03:04:05Z",
	active: true,
	snippet: `𝌆 a low dam ${id}`,
	marks: [{ from: 4, to: 7 }],
	...over,
});
const conversation = { id: "c9", title: "About dams", model: null, updated_at: "2026-01-02T03:04:05Z" };
const asked: URL[] = [];
const aborted: string[] = [];
/** What is asked for by path; the rest is not found. */
let answers: Record<string, (url: URL) => unknown> = {};

beforeAll(async () => {
	await startI18n();
	await withTexts(["finder", "settings"], Promise.resolve());
	HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
		this.open = true;
	};
	HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
		this.open = false;
	};
	Element.prototype.scrollIntoView ??= () => undefined;
});

beforeEach(() => {
	asked.length = aborted.length = 0;
	useSession.setState({ status: "in", user: { id: "u1", role: "user" } as never, token: "token", expiresAt: Date.now() + 900_000 });
	answers = {
		"/api/models": () => ({ items: [], has_more: false }),
		"/api/agents": () => ({ items: [], has_more: false }),
		"/api/me": () => ({ id: "u1", role: "user" }),
		"/api/conversations": (url) => ({ items: "About dams".toLowerCase().includes((url.searchParams.get("q") ?? "").toLowerCase()) ? [conversation] : [], has_more: false }),
		"/api/search": (url) => (url.searchParams.get("before_id") ? { items: [hit("m3")], has_more: false } : { items: [hit("m1"), hit("m2")], has_more: true }),
	};
	vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
		const url = new URL(path, "http://weir.test");
		asked.push(url);
		init.signal?.addEventListener("abort", () => aborted.push(url.pathname + url.search));
		const answer = answers[url.pathname];
		const value = answer?.(url);
		if (answer && value === undefined) return Promise.resolve(new Response(null, { status: 204 }));
		return Promise.resolve(answer ? json(value) : json({ code: "not_found", message: "", details: {} }, 404));
	});
	useFinder.setState({ view: "all" });
});

afterEach(() => {
	cleanup();
	queryClient.clear();
	close();
	vi.restoreAllMocks();
	vi.unstubAllGlobals();
	history.replaceState(null, "", "/");
	document.body.innerHTML = "";
});

const draw = () =>
	render(
		<QueryClientProvider client={queryClient}>
			<Finder />
		</QueryClientProvider>,
	);
const field = () => screen.getByRole("combobox");
const type = (value: string) => fireEvent.change(field(), { target: { value } });
const selected = () => screen.getAllByRole("option", { hidden: true }).filter((o) => o.getAttribute("aria-selected") === "true");

describe("what was found", () => {
	it("is marked by characters, not by code units", () => {
		render(<Marked hit={{ snippet: "𝌆 a <b>dam</b>", marks: [{ from: 4, to: 7 }, { from: 7, to: 10 }] }} />);
		expect([...document.querySelectorAll("mark")].map((m) => m.textContent)).toEqual(["<b>", "dam"]);
		expect(document.body.textContent).toBe("𝌆 a <b>dam</b>");
	});
});

describe("the finder", () => {
	it("offers what can be done, and the last conversations, before a word is typed", async () => {
		draw();
		expect(screen.getByRole("option", { name: /New conversation/ })).toBeTruthy();
		expect(await screen.findByRole("option", { name: /About dams/ })).toBeTruthy();
		expect(asked.some((u) => u.pathname === "/api/search")).toBe(false);
		expect(screen.queryByRole("option", { name: /Administration/ })).toBeNull();
	});

	it("is a combobox: arrows choose, the field keeps the focus, Enter takes", async () => {
		draw();
		await screen.findByRole("option", { name: /About dams/ });
		expect(selected()).toHaveLength(1);
		expect(field().getAttribute("aria-activedescendant")).toBe(selected()[0]!.id);
		expect(document.getElementById(field().getAttribute("aria-controls")!)?.getAttribute("role")).toBe("listbox");
		fireEvent.keyDown(field(), { key: "ArrowUp" });
		expect(selected()[0]!.textContent).toContain("About dams");
		expect(field().getAttribute("aria-activedescendant")).toBe(selected()[0]!.id);
		fireEvent.keyDown(field(), { key: "Enter", isComposing: true });
		expect(useFinder.getState().view).toBe("all");
		fireEvent.keyDown(field(), { key: "Enter" });
		expect(location.pathname).toBe("/c/c9");
		expect(useFinder.getState().view).toBeNull();
	});

	it("asks when the typing rests, and drops what it does not want any more", async () => {
		let answerFirst: (() => void) | null = null;
		const answer = answers["/api/search"]!;
		draw();
		type("d");
		type("da");
		type("dam");
		await screen.findAllByRole("option", { name: /a low dam/ });
		const searched = asked.filter((u) => u.pathname === "/api/search").map((u) => u.searchParams.get("q"));
		expect(searched).toEqual(["dam"]);
		// One that does not answer is given up when other words are typed.
		const fetched = fetch;
		vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
			if (!path.includes("q=slow")) return fetched(path, init);
			return new Promise((resolve, reject) => {
				answerFirst = () => resolve(json(answer(new URL(path, "http://weir.test"))));
				init.signal?.addEventListener("abort", () => {
					aborted.push(path);
					reject(new DOMException("", "AbortError"));
				});
			});
		});
		type("slow");
		await waitFor(() => expect(answerFirst).not.toBeNull());
		type("dams");
		await waitFor(() => expect(aborted.some((path) => path.includes("/api/search?q=slow"))).toBe(true));
	});

	it("shows conversations, messages and actions that have the words, and more of them", async () => {
		draw();
		type("dam");
		const groups = await waitFor(() => {
			const all = screen.getAllByRole("group").map((g) => document.getElementById(g.getAttribute("aria-labelledby")!)!.textContent);
			expect(all).toEqual(["Conversations", "Messages"]);
			return screen.getAllByRole("group");
		});
		expect(within(groups[1]!).getAllByRole("option")).toHaveLength(3);
		fireEvent.click(screen.getByRole("option", { name: /More messages/ }));
		await screen.findByRole("option", { name: /low dam m3/ });
		expect(useFinder.getState().view).toBe("all");
		expect(asked.at(-1)!.searchParams.get("before_id")).toBe("m2");
	});

	it("says what came of it", async () => {
		answers["/api/search"] = () => ({ items: [], has_more: false });
		draw();
		type("zzz");
		await waitFor(() => expect(screen.getByRole("status").textContent).toBe("Nothing found"));
		delete answers["/api/search"];
		type("zzzz");
		await waitFor(() => expect(screen.getByRole("status").className).toContain("text-danger"));
	});

	it("changes the theme, and the models are a list of their own", async () => {
		answers["/api/models"] = () => ({ items: [{ id: 1, name: "demo-fast", display_name: "Fast", type: "chat" }, { id: 2, name: "demo-slow", display_name: "Slow", type: "chat" }], has_more: false });
		draw();
		type("theme: dark");
		fireEvent.keyDown(field(), { key: "Enter" });
		expect(useSettings.getState().theme).toBe("dark");
		useSettings.getState().change({ theme: "system" });
		useFinder.setState({ view: "models" });
		await screen.findByRole("option", { name: /Slow/ });
		type("slo");
		fireEvent.keyDown(field(), { key: "Enter" });
		expect(useSettings.getState().model).toBe("demo-slow");
	});
});

describe("keys", () => {
	const key = (over: Partial<KeyboardEvent>) => actOf({ key: "", code: "", target: document.body, isComposing: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...over } as KeyboardEvent);

	beforeEach(() => close());

	it("do nothing while somebody writes, but for those that write nothing", () => {
		document.body.innerHTML = '<textarea id="composer"></textarea><input id="other">';
		const composer = document.getElementById("composer") as HTMLTextAreaElement;
		for (const target of [composer, document.getElementById("other")!]) {
			expect(key({ key: "?", target })).toBeNull();
			expect(key({ key: "/", target })).toBeNull();
			expect(key({ key: "k", target })).toBeNull();
			expect(key({ key: "k", ctrlKey: true, target })).not.toBeNull();
			expect(key({ key: "k", ctrlKey: true, isComposing: true, target })).toBeNull();
		}
		expect(key({ key: "?" })).not.toBeNull();
		key({ key: "/" })!();
		expect(document.activeElement).toBe(composer);
	});

	it("edit the last question from an empty field alone", () => {
		document.body.innerHTML = '<button data-edit id="b1"></button><button data-edit id="b2"></button><textarea id="composer"></textarea>';
		const composer = document.getElementById("composer") as HTMLTextAreaElement;
		const clicked: string[] = [];
		document.addEventListener("click", (e) => clicked.push((e.target as HTMLElement).id), { once: true });
		composer.value = "words";
		expect(key({ key: "ArrowUp", target: composer })).toBeNull();
		composer.value = "";
		key({ key: "ArrowUp", target: composer })!();
		expect(clicked).toEqual(["b2"]);
	});

	it("leave dialogs alone, and open what they should", async () => {
		document.body.innerHTML = "<dialog open></dialog>";
		expect(key({ key: "k", ctrlKey: true })).toBeNull();
		document.body.innerHTML = "";
		key({ key: "/", ctrlKey: true })!();
		await waitFor(() => expect(useFinder.getState().view).toBe("keys"));
		await open("models");
		expect(useFinder.getState().view).toBe("models");
		expect(key({ code: "KeyN", altKey: true }), "not behind the finder").toBeNull();
	});

	it("pressed while they are loaded are heard once, and so are those after", async () => {
		const pressed = () => new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true, cancelable: true });
		const views: unknown[] = [];
		const over = useFinder.subscribe((s) => views.push(s.view));
		// It was dispatched before anybody listened.
		begin(pressed());
		await waitFor(() => expect(views).toEqual(["all"]));
		// Who loads the file goes on telling: what was heard here is not done again.
		const next = pressed();
		document.body.addEventListener("keydown", (e) => e.preventDefault(), { once: true });
		document.body.dispatchEvent(next);
		begin(next);
		await waitFor(() => expect(views).toEqual(["all", null]));
		// A key that somebody has used is theirs.
		const used = new KeyboardEvent("keydown", { key: "?", bubbles: true, cancelable: true });
		document.body.addEventListener("keydown", (e) => e.preventDefault(), { once: true });
		document.body.dispatchEvent(used);
		begin(used);
		await Promise.resolve();
		expect(views).toEqual(["all", null]);
		over();
	});

	it("are told in a list", () => {
		useFinder.setState({ view: "keys" });
		draw();
		expect(screen.getByRole("heading", { name: "Keyboard shortcuts" })).toBeTruthy();
		expect(screen.getByText("Edit the last question, in an empty field")).toBeTruthy();
	});
});

describe("the jump to a message", () => {
	const at = (n: number) => message({ id: `m${n}`, sequence: n, role: n % 2 ? "user" : "assistant" });
	const all = Array.from({ length: 1000 }, (_, n) => at(n + 1));

	beforeEach(() => {
		answers["/api/conversations/c1/messages"] = (url) => {
			const before = url.searchParams.get("before_id");
			const end = before ? all.findIndex((m) => m.id === before) : all.length;
			const from = Math.max(0, end - Number(url.searchParams.get("limit")));
			return { items: all.slice(from, end), has_more: from > 0 };
		};
		useConversation.setState({ activeId: null });
	});

	it("loads as far back as it stands, draws once, and shows which it is", async () => {
		let drawn = 0;
		const over = queryClient.getQueryCache().subscribe((e) => {
			if (e.type === "updated" && e.action.type === "success" && e.query.queryKey[0] === "messages") drawn += 1;
		});
		document.body.innerHTML = '<article data-message="m7"></article>';
		const going = jumpTo({ id: "m7", conversation_id: "c1", active: true }, (path) => history.pushState(null, "", path));
		const article = document.querySelector("article")!;
		await waitFor(() => expect(document.activeElement).toBe(article), { timeout: 30_000 });
		expect(article.dataset.found).toBe("");
		dispatchEvent(new Event("wheel"));
		expect(await going).toBe(true);
		over();
		expect(location.pathname).toBe("/c/c1");
		expect(cachedMessages("c1")).toHaveLength(1000);
		expect(cachedMessages("c1").map((m) => m.sequence)).toEqual(all.map((m) => m.sequence));
		expect(drawn).toBe(2);
		expect(queryClient.getQueryData<{ pageParams: unknown[] }>(keys.messages("c1"))!.pageParams).toHaveLength(20);
	});

	it("shows another version first, and says when there is none", async () => {
		const shown: string[] = [];
		answers["/api/conversations/c1/messages/mx/activate"] = (url) => void shown.push(url.pathname);
		expect(await jumpTo({ id: "mx", conversation_id: "c1", active: true }, () => undefined)).toBe(false);
		expect(shown).toHaveLength(1);
		// Deleted since it was found.
		expect(await jumpTo({ id: "my", conversation_id: "c1", active: false }, () => undefined)).toBe(false);
		answers["/api/conversations/c1/messages/m1000/activate"] = (url) => void shown.push(url.pathname);
		document.body.innerHTML = '<article data-message="m1000"></article>';
		const going = jumpTo({ id: "m1000", conversation_id: "c1", active: false }, () => undefined);
		await waitFor(() => expect(document.activeElement).toBe(document.querySelector("article")), { timeout: 30_000 });
		dispatchEvent(new Event("wheel"));
		expect(await going).toBe(true);
		expect(shown.at(-1)).toContain("m1000");
	});
});
