import { describe, expect, it, vi } from "vitest";
import SOURCE from "../src/worker.js?raw";

const SITE = "https://weir.example";

interface Asked {
	url: string;
	method?: string;
	mode?: string;
}

/** The worker, with caches by name, and a network that may be away. */
function start(version: string, stores = new Map<string, Map<string, Response>>(), network: (path: string) => Response | null = () => new Response("new")) {
	const listeners: Record<string, (event: object) => void> = {};
	const path = (r: { url: string } | string) => new URL(typeof r === "string" ? r : r.url, SITE).pathname;
	const cacheOf = (name: string) => {
		const store = stores.get(name) ?? new Map<string, Response>();
		stores.set(name, store);
		return {
			addAll: async (all: { url: string }[]) => all.forEach((r) => store.set(path(r), new Response(name))),
			put: async (r: { url: string }, answer: Response) => void store.set(path(r), answer),
		};
	};
	const caches = {
		open: async (name: string) => cacheOf(name),
		keys: async () => [...stores.keys()],
		delete: async (name: string) => stores.delete(name),
		match: async (r: { url: string } | string) => [...stores.values()].map((s) => s.get(path(r))).find(Boolean)?.clone(),
	};
	const fetched: string[] = [];
	const fetch = vi.fn(async (r: { url: string }) => {
		fetched.push(path(r));
		const answer = network(path(r));
		if (!answer) throw new TypeError("Failed to fetch");
		Object.defineProperty(answer, "type", { value: "basic" });
		return answer;
	});
	const shown: { title: string; tag?: string; path: string; open: boolean }[] = [];
	const registration = {
		showNotification: async (title: string, { tag, data }: { tag?: string; data: { path: string } }) => void shown.push({ title, tag, path: data.path, open: true }),
		getNotifications: async ({ tag }: { tag: string }) => shown.filter((n) => n.tag === tag).map((n) => ({ close: () => (n.open = false) })),
	};
	const windows: Window[] = [];
	const opened: string[] = [];
	const clients = { claim: vi.fn(), matchAll: async () => windows, openWindow: async (path: string) => void opened.push(path) };
	const self = { registration, addEventListener: (name: string, f: (event: object) => void) => (listeners[name] = f), skipWaiting: vi.fn(), clients, location: { origin: SITE } };
	class Request {
		url: string;
		constructor(url: string) {
			this.url = new URL(url, SITE).href;
		}
	}
	const code = SOURCE.replace("__VERSION__", version).replace('["__FILES__"]', '["/index.html", "/assets/a.js"]');
	new Function("self", "caches", "fetch", "Request", code)(self, caches, fetch, Request);
	const wait = async (name: string) => {
		let all: Promise<unknown> = Promise.resolve();
		listeners[name]!({ waitUntil: (p: Promise<unknown>) => (all = p) });
		await all;
	};
	const ask = async (request: Asked): Promise<string | null> => {
		let answer: Promise<Response> | null = null;
		listeners.fetch!({ request: { method: "GET", mode: "cors", ...request }, respondWith: (p: Promise<Response>) => (answer = p) });
		return answer ? (await (answer as Promise<Response>)).text() : null;
	};
	const hear = async (name: string, event: object) => {
		let all: Promise<unknown> = Promise.resolve();
		listeners[name]!({ waitUntil: (p: Promise<unknown>) => (all = p), ...event });
		await all;
	};
	/** A message of the server, as its text. */
	const push = (text: string) => hear("push", { data: { json: () => JSON.parse(text) as unknown } });
	const click = (path: unknown) => hear("notificationclick", { notification: { close: vi.fn(), data: { path } } });
	const page = (path: string, more: Partial<Window> = {}) => {
		const made = { url: SITE + path, frameType: "top-level", focused: false, visibilityState: "hidden", postMessage: vi.fn(), focus: vi.fn(), ...more };
		windows.push(made);
		return made;
	};
	return { wait, ask, stores, fetched, push, click, page, shown, opened };
}

interface Window {
	url: string;
	frameType: string;
	focused: boolean;
	visibilityState: string;
	postMessage: (message: unknown) => void;
	focus: () => void;
}

describe("the service worker", () => {
	it.each(["/api/me", "/api/conversations", "/v1/chat/completions", "/uploads/1", "/status", "/sw.js", "/manifest.json"])("leaves %s to the network", async (path) => {
		const { ask, stores, wait } = start("one");
		await wait("install");
		expect(await ask({ url: SITE + path })).toBeNull();
		expect(await ask({ url: SITE + path, mode: "navigate" })).toBeNull();
		expect([...stores.get("one")!.keys()]).toEqual(["/index.html", "/assets/a.js"]);
	});

	it("leaves other sites and whatever changes something alone", async () => {
		const { ask } = start("one");
		expect(await ask({ url: "https://elsewhere.example/assets/a.js" })).toBeNull();
		expect(await ask({ url: `${SITE}/assets/a.js`, method: "POST" })).toBeNull();
	});

	it.each(["/", "/c/123", "/knowledge", "/admin/users", "/settings/keys"])("shows the page at %s without a network, and what the network says with one", async (path) => {
		const up = start("one");
		await up.wait("install");
		expect(await up.ask({ url: SITE + path, mode: "navigate" })).toBe("new");
		const down = start("one", up.stores, () => null);
		expect(await down.ask({ url: SITE + path, mode: "navigate" })).toBe("one");
	});

	it("asks for an asset once, and keeps none that is missing", async () => {
		const { ask, fetched, stores } = start("one", new Map(), (path) => (path === "/assets/gone.js" ? new Response("", { status: 404 }) : new Response("new")));
		await ask({ url: `${SITE}/assets/b.js` });
		await ask({ url: `${SITE}/assets/b.js` });
		await ask({ url: `${SITE}/assets/gone.js` });
		expect(fetched).toEqual(["/assets/b.js", "/assets/gone.js"]);
		expect([...stores.get("one")!.keys()]).toEqual(["/assets/b.js"]);
	});

	it("keeps the version before, and none before that", async () => {
		const stores = new Map();
		for (const version of ["one", "two", "three"]) {
			const worker = start(version, stores);
			await worker.wait("install");
			await worker.wait("activate");
		}
		expect([...stores.keys()]).toEqual(["two", "three"]);
	});
});

describe("notifications", () => {
	const TOLD = { title: "Your picture is ready", path: "/c/1", tag: "task 1" };

	it("shows what the server says, once while it is about the same", async () => {
		const { push, shown, page } = start("one");
		page("/c/1", { visibilityState: "visible" }); // seen, perhaps, but not looked at
		await push(JSON.stringify(TOLD));
		expect(shown).toEqual([{ ...TOLD, open: true }]);
	});

	it("does not keep it before somebody who looks at it", async () => {
		const { push, shown, page } = start("one");
		page("/c/1", { focused: true, visibilityState: "visible" });
		await push(JSON.stringify(TOLD));
		await push(JSON.stringify({ ...TOLD, path: "/c/2", tag: "task 2" }));
		expect(shown.map((n) => n.open)).toEqual([false, true]);
	});

	it.each([["no JSON"], ["null"], ["{}"], ['{"title": 5, "path": "//elsewhere.example", "tag": {}}'], ['{"path": "https://elsewhere.example/"}'], ['{"path": "/\\\\elsewhere.example"}']])("makes the best of %s", async (text) => {
		const { push, shown } = start("one");
		await push(text);
		expect(shown).toEqual([{ title: "Weir", tag: undefined, path: "/", open: true }]);
	});

	it("leads to a page that is open there, or to one that can go there, or to a new one", async () => {
		const { click, page, opened } = start("one");
		await click("/c/1");
		expect(opened).toEqual(["/c/1"]);
		const frame = page("/frames/", { frameType: "nested" });
		const shared = page("/s/abc");
		await click("//elsewhere.example");
		expect(opened).toEqual(["/c/1", "/"]);
		const hidden = page("/knowledge");
		await click("/c/1");
		expect(hidden.postMessage).toHaveBeenCalledWith({ open: "/c/1" });
		expect(hidden.focus).toHaveBeenCalledOnce();
		const there = page("/c/1");
		await click("/c/1");
		expect(there.focus).toHaveBeenCalledOnce();
		expect(there.postMessage).not.toHaveBeenCalled();
		for (const other of [frame, shared]) expect(other.focus).not.toHaveBeenCalled();
		expect(opened).toHaveLength(2);
	});
});
