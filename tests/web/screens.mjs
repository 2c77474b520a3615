// Pictures of the main screens, at two sizes and in both themes, compared with those that are kept in screens/.
//
//	WEIR_URL=… WEIR_SEED=… node screens.mjs [--update] [part of a screen's name]
//
// The clock of the page stands still; what the seed made on one day and those before is shown as made on another, always
// the same; ids and durations that differ from run to run are written over. On wide screens the app speaks English, on
// narrow ones Chinese.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { accessible, fits, PASSWORD, startBrowser, URL_BASE } from "./lib.mjs";
import { OTHER_FONTS, pictureBench, SAME_FONTS } from "./pictures.mjs";

const KEPT = new URL("./screens/", import.meta.url).pathname;
const ABOUT = join(KEPT, "about.json");
const NEW = process.env.WEIR_SHOTS ?? "screens-new";
const seed = JSON.parse(process.env.WEIR_SEED);
const update = process.argv.includes("--update");
const only = process.argv.slice(2).find((a) => !a.startsWith("--"));

const WAYS = [
	{ name: "wide", size: { width: 1440, height: 900 }, phone: false, locale: "en-GB" },
	{ name: "narrow", size: { width: 390, height: 844 }, phone: true, locale: "zh-CN" },
];
const THEMES = ["light", "dark"];

// -- the screens: where they are, and what is done there before the picture is taken

const ADA = "ada@example.org";
const GRACE = "grace@example.org";

const SCREENS = [
	{ name: "sign-in", path: "/signin" },
	{ name: "register", path: "/register" },
	{ name: "empty", who: ADA, path: "/" },
	{ name: "markdown", who: ADA, path: `/c/${seed.markdown}`, see: "math" },
	{ name: "answer", who: ADA, path: `/c/${seed.answer}`, see: "article[data-status]" },
	{ name: "models", who: ADA, path: `/c/${seed.answer}`, see: "article[data-status]", act: (page) => page.locator('button[aria-haspopup="listbox"]').click() },
	{
		name: "sharing",
		who: ADA,
		path: `/c/${seed.markdown}`,
		act: async (page, way) => {
			if (way.phone) await page.locator("main header button").first().click();
			await page.locator("aside li, aside [role=listitem]").filter({ hasText: "All about weirs" }).locator('button[aria-haspopup="menu"]').click();
			await page.getByRole("menuitem", { name: /^(Share|分享)/ }).click();
		},
		see: "dialog[open]",
	},
	{ name: "sidebar", who: ADA, path: "/", narrowOnly: true, act: (page) => page.locator("main header button").first().click() },
	{ name: "gallery", who: ADA, path: "/media", see: "[data-made] img" },
	{ name: "knowledge", who: ADA, path: "/knowledge", see: "main a" },
	{ name: "base", who: ADA, path: `/knowledge/${seed.base}`, see: "[data-document]" },
	{ name: "document", who: ADA, path: `/knowledge/${seed.base}/documents/${seed.document}?from=9&to=66`, see: "mark" },
	{ name: "finder", who: ADA, path: "/", wideOnly: true, act: (page) => page.keyboard.press("Control+k"), see: "dialog[open]" },
	{ name: "tasks", who: ADA, path: "/", wideOnly: true, act: (page) => page.getByRole("button", { name: /^Notifications/ }).click(), see: "[role=dialog]" },
	{ name: "assistants", who: ADA, path: "/assistants", see: "main h2, main li" },
	{ name: "prompts", who: ADA, path: "/prompts", see: "main li" },
	{ name: "account", who: ADA, path: "/settings/account", see: "[role=tabpanel] input" },
	{ name: "security", who: ADA, path: "/settings/password", see: "[role=tabpanel] input" },
	{ name: "keys", who: ADA, path: "/settings/keys", see: "[role=tabpanel] pre" },
	{ name: "usage", who: ADA, path: "/settings/usage", see: "tbody tr:visible" },
	{ name: "admin-overview", who: GRACE, path: "/admin/overview", see: "main h3", act: (page) => page.locator("main label").nth(1).click() },
	{ name: "admin-users", who: GRACE, path: "/admin/users", see: "tbody tr:visible" },
	{ name: "admin-models", who: GRACE, path: "/admin/models", see: "tbody tr:visible" },
	{ name: "admin-channels", who: GRACE, path: "/admin/channels", see: "tbody tr:visible" },
	{ name: "admin-keys", who: GRACE, path: "/admin/keys", see: "tbody tr:visible" },
	{ name: "admin-log", who: GRACE, path: "/admin/log", see: "tbody tr:visible" },
	{ name: "admin-usage", who: GRACE, path: "/admin/usage", see: "tbody tr:visible" },
];

/** After all others: these leave something behind, and tell other pages of it. */
const LAST = [
	{
		name: "streaming",
		who: (way) => (way.phone ? "lin@example.org" : "tomas@example.org"),
		path: "/",
		live: true,
		act: async (page) => {
			await page.locator("main textarea").fill("[[demo deltas=30 fault=stall-after at=30]] How is a needle dam closed?");
			await page.locator("main textarea").press("Enter");
			await page.locator('article[aria-busy="true"] .prose').waitFor();
			await page.waitForFunction(() => {
				// it writes no more
				const now = document.querySelector('article[aria-busy="true"] .prose')?.textContent ?? "";
				const same = now !== "" && now === globalThis.seenText;
				globalThis.seenTimes = same ? (globalThis.seenTimes ?? 0) + 1 : 0;
				globalThis.seenText = now;
				return globalThis.seenTimes > 20;
			}, undefined, { polling: 50 });
		},
	},
];

// -- a page on which nothing moves

const NOW = Date.parse("2026-03-18T10:24:00Z");
const DAY_MS = 86_400_000;
const DAYS = Math.round((Date.parse(`${seed.day}T00:00:00Z`) - Date.parse("2026-03-18T00:00:00Z")) / DAY_MS);

/** Runs in the page: its clock stands, what the server says is moved to the day it shows, and `busy()` tells what it waits for. */
function standStill({ now, days, began }) {
	const DAY = 86_400_000;
	const TIME = /\b\d{4}-\d\d-\d\d(?:T\d\d(?::|%3A)\d\d(?:(?::|%3A)\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?(?![\d-])/g;
	const day = (text, by) => new Date(Date.parse(`${text.slice(0, 10)}T00:00:00Z`) + by * DAY).toISOString().slice(0, 10) + text.slice(10);
	const shown = (text) => {
		const at = Date.parse(text);
		// Whole hours are those of a chart, and days are days.
		if (Number.isNaN(at) || text.length <= 10 || at < began || /T\d\d:00Z$/.test(text)) return day(text, -days);
		const ahead = at - Date.parse(globalThis.realNow);
		return new Date(ahead <= 300_000 ? now - 60_000 : now + Math.round(ahead / 3_600_000) * 3_600_000).toISOString();
	};
	globalThis.realNow = new Date().toISOString();
	const RealDate = Date;
	globalThis.Date = class extends RealDate {
		constructor(...args) {
			if (args.length === 0) super(now);
			else super(...args);
		}
		static now() {
			return now;
		}
	};
	let waiting = 0;
	const ask = globalThis.fetch;
	globalThis.fetch = async (input, init) => {
		const url = typeof input === "string" ? input.replace(TIME, (text) => day(text, days)) : input;
		const lasts = /\/(events|stream)\b/.test(String(url));
		if (!lasts) waiting += 1;
		try {
			return await ask(url, init);
		} finally {
			if (!lasts) waiting -= 1;
		}
	};
	const { text } = Response.prototype;
	Response.prototype.json = async function () {
		const all = await text.call(this);
		return JSON.parse(this.url.includes("/api/") ? all.replace(TIME, shown) : all);
	};
	globalThis.busy = (isLive) =>
		waiting > 0 || (!isLive && document.querySelector(".animate-breathe, .animate-spin") !== null) || [...document.images].some((i) => !i.complete) || document.fonts.status !== "loaded";
}

/** Runs in the page: what differs from run to run is written over. */
function writeOver() {
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const changes = [
		[/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "01a228f3-893d-7857-9b8e-0206045621c6"],
		[/\b[0-9a-f]{8}…/g, "01a228f3…"],
		[/\bwk-\w{3,12}\b/g, "wk-0a1b2c3d"],
		[/127\.0\.0\.1:\d+/g, "127.0.0.1:8080"],
		[/\b\d+(\.\d+)? ?(ms|毫秒)/g, "12 $2"],
		[/\b\d+(\.\d+)? ?(s|秒)(?![\p{L}])/gu, "1.2 $2"],
	];
	for (let node = walker.nextNode(); node; node = walker.nextNode()) {
		const text = changes.reduce((t, [what, by]) => t.replace(what, by), node.data);
		if (text !== node.data) node.data = text;
	}
}

/** `live`: an answer is being written, which turns a sign for as long as it lasts. */
async function calm(page, live = false) {
	// Nothing is waited for, and nothing has moved, for as long as it takes to draw ten times.
	await page.waitForFunction(
		(isLive) => {
			const now = globalThis.busy(isLive) ? "" : `${document.body.scrollHeight} ${document.body.textContent.length} ${document.querySelectorAll("*").length}`;
			globalThis.calmFor = now !== "" && now === globalThis.calmAs ? (globalThis.calmFor ?? 0) + 1 : 0;
			globalThis.calmAs = now;
			return globalThis.calmFor >= 10;
		},
		live,
		{ polling: "raf", timeout: 60_000 },
	);
}

/** Rows of a table are 44 px high, with or without the line below. */
async function rowsAreEven(page) {
	const heights = await page.locator("main tbody tr:visible").evaluateAll((rows) => rows.map((row) => Math.round(row.getBoundingClientRect().height)));
	const odd = heights.filter((h) => h !== 44 && h !== 45);
	if (odd.length > 0) throw new Error(`rows are ${[...new Set(odd)].join(", ")} px high`);
}

async function open(browser, way) {
	const context = await browser.newContext({
		viewport: way.size,
		isMobile: way.phone,
		hasTouch: way.phone,
		locale: way.locale,
		timezoneId: "UTC",
		colorScheme: "light",
		reducedMotion: "reduce",
		serviceWorkers: "block",
	});
	await context.addInitScript(standStill, { now: NOW, days: DAYS, began: Date.parse(`${seed.day}T00:00:00Z`) });
	await context.addInitScript(() => {
		// a frame of no origin has no storage
		try {
			localStorage.setItem("weir.welcome", "1");
		} catch {}
	});
	const page = await context.newPage();
	page.setDefaultTimeout(60_000);
	return page;
}

async function signIn(page, login) {
	await page.goto(`${URL_BASE}/signin`);
	await page.locator('input[autocomplete="username"]').fill(login);
	await page.locator('input[autocomplete="current-password"]').fill(PASSWORD);
	await page.keyboard.press("Enter");
	await page.locator("main textarea").waitFor();
}

/** Takes the pictures of one size, and gives each to `take(name, png, way)`. */
async function walk(browser, way, screens, take) {
	let page;
	let who = null;
	for (const screen of screens) {
		const login = typeof screen.who === "function" ? screen.who(way) : (screen.who ?? null);
		if ((only && !screen.name.includes(only)) || (way.phone ? screen.wideOnly : screen.narrowOnly)) continue;
		try {
			if (!page || login !== who) {
				await page?.context().close();
				page = await open(browser, way);
				who = login;
				if (who) await signIn(page, who);
			}
			await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
			if (who) {
				await page.keyboard.press("Escape");
				await page.evaluate((to) => history.pushState(null, "", to), screen.path);
			} else await page.goto(URL_BASE + screen.path);
			if (screen.see && !screen.act) await page.locator(screen.see).first().waitFor();
			await calm(page);
			if (screen.act) {
				await screen.act(page, way);
				if (screen.see) await page.locator(screen.see).first().waitFor();
				await calm(page, screen.live);
			}
			await page.mouse.move(0, 0);
			await fits(page, screen.name);
			if (!way.phone && screen.path.startsWith("/admin/")) await rowsAreEven(page);
			for (const theme of THEMES) {
				await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
				await page.locator(`html[data-theme="${theme}"]`).waitFor({ state: "attached" });
				await calm(page, screen.live);
				await page.evaluate(writeOver);
				await take(`${screen.name}-${way.name}-${theme}`, await page.screenshot({ animations: "disabled" }), way);
				await accessible(page, `${screen.name}-${way.name}-${theme}`);
			}
		} catch (e) {
			await take(`${screen.name}-${way.name}`, null, way, e);
			await page?.screenshot({ path: join(NEW, `failed-${screen.name}-${way.name}.png`) }).catch(() => undefined);
			await page?.context().close().catch(() => undefined);
			page = undefined;
		}
	}
	await page?.context().close();
}

// -- the comparison

mkdirSync(NEW, { recursive: true });
for (const file of readdirSync(NEW)) if (/\.(webp|png)$/.test(file)) rmSync(join(NEW, file));
const browser = await startBrowser();
const bench = await pictureBench(browser);
const here = { chromium: browser.version().split(".")[0], letters: await bench.letters() };
const about = existsSync(ABOUT) ? JSON.parse(readFileSync(ABOUT, "utf8")) : here;
const alike = here.chromium === about.chromium && here.letters === about.letters;
if (!alike && !update) console.log(`# Chromium ${here.chromium} or its fonts differ from those of the kept pictures (${about.chromium}): what is small is not compared`);

let number = 0;
let failed = 0;
const taken = new Set();
function tell(ok, name, ...notes) {
	number += 1;
	if (!ok) failed += 1;
	console.log(`${ok ? "ok" : "not ok"} ${number} - ${name}`);
	for (const note of notes) console.log(`# ${note}`);
}

async function take(name, shot, way, error) {
	if (!shot) return tell(false, name, ...String(error.stack).split("\n"));
	taken.add(`${name}.webp`);
	const [now, kept] = [join(NEW, `${name}.webp`), join(KEPT, `${name}.webp`)];
	writeFileSync(now, await bench.keep(shot));
	if (!existsSync(kept)) {
		if (update) writeFileSync(kept, readFileSync(now));
		return tell(update, `${name}${update ? " is kept" : ""}`, ...(update ? [] : [`there is no such picture in ${KEPT}: ./dev screens --update`]));
	}
	const result = await bench.compare(shot, readFileSync(kept), way.size, alike ? SAME_FONTS : OTHER_FONTS);
	if (update) {
		// What looks the same stays as it is, or every picture would be another with each update.
		if (!result.same || !alike) writeFileSync(kept, readFileSync(now));
		return tell(true, `${name}${result.same ? "" : " is another now"}`);
	}
	if (result.same) return tell(true, name);
	const sheet = join(NEW, `${name}.differs.png`);
	if (result.sheet) writeFileSync(sheet, result.sheet);
	tell(false, name, result.why ?? `it differs at ${result.tiles.slice(0, 5).map((at) => at.join(",")).join(" ")} and in ${result.tiles.length} of ${result.of} tiles`, `kept, new, changed: ${sheet}`, "if that is how it should be: ./dev screens --update");
}

for (const screens of [SCREENS, LAST]) await Promise.all(WAYS.map((way) => walk(browser, way, screens, take)));
if (!only) {
	for (const file of readdirSync(KEPT).filter((f) => f.endsWith(".webp") && !taken.has(f))) {
		if (update) rmSync(join(KEPT, file));
		else tell(false, basename(file), "no screen is called so: ./dev screens --update");
	}
	if (update) writeFileSync(ABOUT, `${JSON.stringify(here)}\n`);
}
await browser.close();
console.log(`1..${number}`);
process.exit(failed > 0 ? 1 : 0);
