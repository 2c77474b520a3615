// What the journeys share: a browser, people, a TAP reporter, pictures.
//
// WEIR_URL, WEIR_ADMIN_LOGIN and WEIR_ADMIN_PASSWORD name the instance; its
// registration must be open. Pictures go to WEIR_SHOTS (default ./shots).
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const URL_BASE = process.env.WEIR_URL;
const SHOTS = process.env.WEIR_SHOTS ?? "shots";
mkdirSync(SHOTS, { recursive: true });

/** The four ways the screens are looked at: each of size, language and theme at least once. */
export const WAYS = [
	{ name: "desktop-en-light", phone: false, language: "en", theme: "light" },
	{ name: "desktop-zh-dark", phone: false, language: "zh", theme: "dark" },
	{ name: "phone-zh-light", phone: true, language: "zh", theme: "light" },
	{ name: "phone-en-dark", phone: true, language: "en", theme: "dark" },
];
/** Each size, language and theme once, for what is long; with WEIR_LONG every way. */
export const CORNERS = process.env.WEIR_LONG ? WAYS : [WAYS[0], { name: "phone-zh-dark", phone: true, language: "zh", theme: "dark" }];

// -- the browser

/** Journeys mostly wait: three are under way at a time, each in a lane, which is {browser, contexts}. */
const LANES = 3;
const lane = new AsyncLocalStorage();

export const startBrowser = () =>
	chromium.launch({
		executablePath: process.env.WEIR_CHROMIUM ?? "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"],
	});

/**
 * A page of a browser of its own. What it logs as an error fails the journey. `first`: it is a first visit, with the
 * service worker at work; else the welcome was seen, and requests are seen by `page.route`.
 */
export async function newPage(way = WAYS[0], sharedContext = null, first = false) {
	const { browser, contexts } = lane.getStore();
	const context =
		sharedContext ??
		(await browser.newContext({
			viewport: way.phone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
			isMobile: way.phone,
			hasTouch: way.phone,
			locale: way.language === "zh" ? "zh-CN" : "en-GB",
			colorScheme: way.theme,
			serviceWorkers: first ? "allow" : "block",
			permissions: ["clipboard-read", "clipboard-write"],
		}));
	if (!sharedContext) {
		contexts.push(context);
		if (!first) await context.addInitScript(() => {
			// a frame of no origin has no storage
			try {
				localStorage.setItem("weir.welcome", "1");
			} catch {}
		});
	}
	const page = await context.newPage();
	page.setDefaultTimeout(45_000);
	page.problems = [];
	// Of frames of no origin: Playwright itself looks for service workers there, to block them.
	page.on("pageerror", (e) => e.message.includes("'serviceWorker' property") || page.problems.push(`page error: ${e.message}`));
	page.on("console", (m) => {
		const text = m.text();
		// Refusals that a journey provokes are logged by the browser itself, as is what its own viewer of PDF may not; what is broken is not.
		if (m.type() === "error" && !/Blocked autofocusing|Failed to load resource|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_ABORTED/.test(text))
			page.problems.push(`console: ${text}`);
	});
	return page;
}

async function closePages() {
	const problems = [];
	for (const context of lane.getStore().contexts.splice(0)) {
		for (const page of context.pages()) problems.push(...(page.problems ?? []));
		await context.close();
	}
	return problems;
}

/** The instance behind a line that can be cut: {url, cut(): ends all connections and refuses new ones, mend(), close()}. */
export async function badLine() {
	const { hostname, port } = new URL(URL_BASE);
	const open = new Set();
	let down = false;
	const server = createServer((near) => {
		if (down) return near.destroy();
		const far = connect(Number(port), hostname);
		for (const socket of [near, far]) {
			open.add(socket);
			socket.on("error", () => undefined);
			socket.on("close", () => {
				open.delete(socket);
				near.destroy();
				far.destroy();
			});
		}
		near.pipe(far).pipe(near);
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		cut: () => {
			down = true;
			for (const socket of open) socket.destroy();
		},
		mend: () => {
			down = false;
		},
		close: () => {
			for (const socket of open) socket.destroy();
			server.close();
		},
	};
}

// -- people, through the API

export async function api(method, path, { token, json, headers = {} } = {}) {
	const response = await fetch(URL_BASE + path, {
		method,
		headers: {
			...(json !== undefined && { "Content-Type": "application/json" }),
			...(token && { Authorization: `Bearer ${token}` }),
			...headers,
		},
		body: json === undefined ? undefined : JSON.stringify(json),
	});
	const text = await response.text();
	return { status: response.status, headers: response.headers, text, json: text.startsWith("{") ? JSON.parse(text) : null };
}

let people = 0;
export const PASSWORD = "correct horse battery";

export async function newUser(nickname = "Ada") {
	people += 1;
	const email = `web-${process.pid}-${Date.now()}-${people}@example.org`;
	const { json, status, text } = await api("POST", "/api/auth/register", { json: { email, password: PASSWORD, nickname } });
	if (status !== 201) throw new Error(`register: ${status} ${text}`);
	return { email, nickname, id: json.user.id, token: json.access_token };
}

let adminToken = null;
let adminUntil = 0;
export async function admin() {
	// A token is good for a quarter of an hour, which all of them together may take.
	if (!adminToken || Date.now() > adminUntil) {
		const login = { login: process.env.WEIR_ADMIN_LOGIN, password: process.env.WEIR_ADMIN_PASSWORD };
		adminUntil = Date.now() + 300_000;
		adminToken = (await api("POST", "/api/auth/login", { json: login })).json.access_token;
	}
	return adminToken;
}

export async function grant(user, amount, reason = "test") {
	const r = await api("POST", `/api/admin/users/${user.id}/credits`, { token: await admin(), json: { amount, reason } });
	if (r.status !== 200) throw new Error(`grant: ${r.status} ${r.text}`);
	return r.json.balance;
}

export async function balanceOf(user) {
	return (await api("GET", "/api/me/credits", { token: user.token })).json.balance;
}

export async function signIn(page, login, password = PASSWORD, path = "/", url = URL_BASE) {
	await page.goto(url + path);
	await page.locator('input[autocomplete="username"]').fill(login);
	await page.locator('input[autocomplete="current-password"]').fill(password);
	await page.keyboard.press("Enter");
	await page.locator("textarea, [role=tab], nav a, main header a").first().waitFor();
}

// -- the chat page

export const input = (page) => page.locator("main textarea");
/** Does with an answer what stands in its menu. */
export async function fromMenu(page, answer, action, menu = "More") {
	await answer.hover();
	await answer.getByRole("button", { name: menu, exact: true }).click();
	await page.getByRole("menuitem", { name: action }).click();
}

export const answers = (page) => page.locator("article[data-status]");
export const liveAnswer = (page) => page.locator('article[aria-busy="true"]');

export async function send(page, text) {
	await input(page).fill(text);
	await input(page).press("Enter");
}

export async function chooseModel(page, name) {
	await page.locator('button[aria-haspopup="listbox"]').click();
	await page.getByRole("option", { name: new RegExp(`^${name}( |$)`) }).first().click();
}

/** The answer that is complete now, as the n-th of the page. */
export async function waitAnswer(page, n, status = "success", timeout = 60_000) {
	const one = answers(page).nth(n - 1);
	await one.and(page.locator(`[data-status="${status}"][aria-busy="false"]`)).waitFor({ timeout });
	return one;
}

export async function openSidebar(page, way) {
	if (way.phone) await page.locator("main header button").first().click();
}

// -- pictures and accessibility

export async function shot(page, name) {
	await page.waitForTimeout(250); // animations end
	await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** No serious finding of axe. */
export async function accessible(page, where) {
	await page.waitForTimeout(250);
	await page.evaluate(AXE);
	const found = await page.evaluate(async () => {
		const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
		return violations
			.filter((v) => v.impact === "serious" || v.impact === "critical")
			.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(" | ")}`);
	});
	if (found.length > 0) throw new Error(`${where} is not accessible:\n${found.join("\n")}`);
}

/** Nothing is wider than the screen. */
export async function fits(page, where) {
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	if (wide > 1) throw new Error(`${where} is ${wide} px wider than the screen`);
}

export async function look(page, name) {
	await shot(page, name);
	await fits(page, name);
	await accessible(page, name);
}

// -- TAP

const journeys = [];
/** alone: what it measures another journey would disturb. */
export const journey = (name, walk, { alone = false } = {}) => journeys.push({ name, walk, alone });

export function equal(seen, wanted, what) {
	if (seen !== wanted) throw new Error(`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
}

export function holds(condition, what) {
	if (!condition) throw new Error(what);
}

/** Waits until `check` answers something true. */
export async function until(check, what, timeout = 30_000) {
	const end = Date.now() + timeout;
	for (;;) {
		const value = await check();
		if (value) return value;
		if (Date.now() > end) throw new Error(`waited ${timeout} ms: ${what}`);
		await new Promise((done) => setTimeout(done, 50));
	}
}

export async function runAll(only) {
	const wanted = journeys.filter(({ name }) => !only || name.includes(only));
	const together = wanted.filter(({ alone }) => !alone);
	const failures = [];
	let number = 0;

	function tell(ok, name, took, notes) {
		number += 1;
		console.log(`${ok ? "ok" : "not ok"} ${number} - ${name} (${took} ms)`);
		for (const line of notes) console.log(`# ${line}`);
	}

	async function walkOne(one) {
		const { name, walk } = one;
		const began = Date.now();
		let error = null;
		try {
			await walk();
		} catch (e) {
			error = e;
			await shotsOfFailure(name).catch(() => undefined);
		}
		const problems = await closePages();
		if (!error && problems.length > 0) error = new Error(problems.join("\n"));
		const took = Date.now() - began;
		if (error) failures.push({ one, took, notes: [...(error.stack ?? "").split("\n"), ...problems].filter(Boolean) });
		else tell(true, name, took, []);
	}

	async function walkFrom(list) {
		const browser = await startBrowser();
		await lane.run({ browser, contexts: [] }, async () => {
			for (let next = list.shift(); next; next = list.shift()) await walkOne(next);
		});
		await browser.close();
	}

	await Promise.all(Array.from({ length: LANES }, () => walkFrom(together)));
	await walkFrom(wanted.filter(({ alone }) => alone));

	// What failed beside others is walked once more, alone: what fails twice has failed, what does not is unsteady, and said to be.
	// A product that is broken needs no second walk.
	const first = failures.splice(0);
	if (first.length <= 6) await walkFrom(first.map(({ one }) => one));
	const failed = first.length <= 6 ? failures.splice(0) : first;
	for (const { one, took, notes } of first) {
		const again = failed.find((f) => f.one === one);
		if (again) tell(false, one.name, again.took, again.notes);
		else {
			// walkOne() has told that it passed
			console.log(`# UNSTEADY: ${one.name} failed beside others and passed alone (${took} ms)`);
			for (const line of notes) console.log(`# ${line}`);
		}
	}
	console.log(`1..${number}`);
	return failed.length;
}

async function shotsOfFailure(name) {
	let i = 0;
	for (const context of lane.getStore().contexts)
		for (const page of context.pages()) {
			i += 1;
			await page.screenshot({ path: join(SHOTS, `failed-${name.replace(/\W+/g, "-")}-${i}.png`) });
		}
}
