/*
 * The service worker: the page opens without a network, and faster with one. It keeps what is the same for everybody and
 * never changes (the page itself and assets/, whose names say their content), and answers nothing else: no request of the
 * API, and nothing of any user, passes through it.
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
