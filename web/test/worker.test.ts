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
	const self = { addEventListener: (name: string, f: (event: object) => void) => (listeners[name] = f), skipWaiting: vi.fn(), clients: { claim: vi.fn() }, location: { origin: SITE } };
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
	return { wait, ask, stores, fetched };
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
