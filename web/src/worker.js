/*
 * The service worker: the page opens without a network, and faster with one. It keeps what is the same for everybody and
 * never changes (the page itself and assets/, whose names say their content), and answers nothing else: no request of the
 * API, and nothing of any user, passes through it. It also shows what the server tells this device (web push): a title, and
 * where it leads.
 *
 * scripts/worker.mjs puts in what a version consists of, so that each version is another file: the browser finds it at the
 * next visit, and it takes over at once. What pages of the version before may still load stays until the version after.
 */
const VERSION = "__VERSION__";
const FILES = ["__FILES__"];
const PAGE = "/index.html";

self.addEventListener("install", (event) => {
	event.waitUntil(
		caches
			.open(VERSION)
			.then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: file === PAGE ? "reload" : "default", credentials: "omit" }))))
			.then(() => self.skipWaiting()),
	);
});

self.addEventListener("activate", (event) => {
	event.waitUntil(
		caches
			.keys() // in the order in which they were made
			.then((names) => Promise.all(names.slice(0, -2).map((name) => caches.delete(name))))
			.then(() => self.clients.claim()),
	);
});

/** The addresses of the page; others are the server's own. */
const PAGES = /^\/($|c\/|s\/|media$|knowledge($|\/)|settings($|\/)|admin($|\/)|signin$|register$|forgot$|reset$)/;

async function asset(request) {
	const kept = await caches.match(request);
	if (kept) return kept;
	const answer = await fetch(request);
	if (answer.ok && answer.type === "basic") await (await caches.open(VERSION)).put(request, answer.clone());
	return answer;
}

self.addEventListener("fetch", (event) => {
	const { request } = event;
	const url = new URL(request.url);
	if (request.method !== "GET" || url.origin !== self.location.origin) return;
	if (url.pathname.startsWith("/assets/")) event.respondWith(asset(request));
	else if (request.mode === "navigate" && PAGES.test(url.pathname)) event.respondWith(fetch(request).catch(async () => (await caches.match(PAGE)) ?? Response.error()));
});

/** An address of the page, and of no other site. */
const own = (path) => (typeof path === "string" && /^\/(?![/\\])/.test(path) ? path : "/");

function messageOf(data) {
	try {
		return data.json() ?? {};
	} catch {
		return {};
	}
}

/** Of this site, but for what is shown within others and to strangers. */
async function pages() {
	const all = await self.clients.matchAll({ type: "window" });
	return all.map((client) => ({ client, path: new URL(client.url).pathname })).filter(({ client, path }) => client.frameType !== "nested" && !path.startsWith("/s/"));
}

async function tell(message) {
	const path = own(message.path);
	const tag = typeof message.tag === "string" ? message.tag : undefined;
	const open = await pages();
	await self.registration.showNotification(typeof message.title === "string" ? message.title : "Weir", { tag, icon: "/icon-192.png", data: { path } });
	// Browsers want each message shown; somebody who looks at it already need not see it for long.
	if (tag === undefined || !open.some((page) => page.client.focused && page.path === path)) return;
	for (const shown of await self.registration.getNotifications({ tag })) shown.close();
}

self.addEventListener("push", (event) => {
	event.waitUntil(tell(messageOf(event.data)));
});

/** In a page that is open, which keeps what is written in it; else in a new one. */
async function open(path) {
	const all = await pages();
	const there = all.find((page) => page.path === path);
	const page = there ?? all.find(({ client }) => client.visibilityState === "visible") ?? all[0];
	if (!page) return self.clients.openWindow(path);
	if (!there) page.client.postMessage({ open: path });
	return page.client.focus();
}

self.addEventListener("notificationclick", (event) => {
	event.notification.close();
	event.waitUntil(open(own(event.notification.data?.path)));
});
