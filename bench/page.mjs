// The browser's half of page.py: WEIR_URL, WEIR_LOGIN, WEIR_PASSWORD, WEIR_TITLE name a conversation, WEIR_LAST is how its last message begins.
import { createRequire } from "node:module";

const require = createRequire(new URL("../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const { WEIR_URL, WEIR_LOGIN, WEIR_PASSWORD, WEIR_TITLE, WEIR_LAST, WEIR_CHROMIUM, ROUNDS } = process.env;

const browser = await chromium.launch({ executablePath: WEIR_CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", serviceWorkers: "block" });
await context.addInitScript(() => localStorage.setItem("weir.welcome", "1"));
const page = await context.newPage();
page.setDefaultTimeout(60_000);
await page.goto(WEIR_URL);
await page.locator('input[autocomplete="username"]').fill(WEIR_LOGIN);
await page.locator('input[autocomplete="current-password"]').fill(WEIR_PASSWORD);
await page.keyboard.press("Enter");
const link = page.locator("aside a").filter({ hasText: WEIR_TITLE }).first();
await link.waitFor();

/** Milliseconds since `began` until the frame after the one in which the last message stands. In the page. */
const until = ({ last, click }) =>
	new Promise((done) => {
		const began = click ? performance.now() : 0;
		if (click) [...document.querySelectorAll("aside a")].find((a) => a.textContent.includes(click)).click();
		const look = () => {
			const there = [...document.querySelectorAll("article[data-message]")].at(-1)?.textContent.includes(last);
			requestAnimationFrame(there ? () => setTimeout(() => done(performance.now() - began)) : look);
		};
		look();
	});

/** The longest tasks of the page's main thread while an answer of three seconds is written: [ms of the clock, ms of the CPU]. */
async function answered() {
	await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
	await page.locator("main textarea").fill("[[demo deltas=150 pace=20 bytes=12]] And once more, please");
	await page.keyboard.press("Enter");
	const live = page.locator('article[aria-busy="true"]');
	await live.waitFor();
	await live.waitFor({ state: "detached" });
	await page.waitForTimeout(500);
	const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
	const thread = (e) => `${e.pid}.${e.tid}`;
	const mains = new Set(traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map(thread));
	const tasks = traceEvents.filter((e) => e.name.endsWith("RunTask") && e.tdur && mains.has(thread(e)));
	return tasks.reduce(([clock, cpu], e) => [Math.max(clock, e.dur / 1000), Math.max(cpu, e.tdur / 1000)], [0, 0]);
}

const found = { click: [], address: [], answer: [], answerAll: [] };
for (let i = 0; i < ROUNDS; i += 1) {
	await page.goto(WEIR_URL);
	await link.waitFor();
	await page.waitForTimeout(1000); // what is fetched when nothing else is to be done
	found.click.push(await page.evaluate(until, { last: WEIR_LAST, click: WEIR_TITLE }));
	const address = page.url();
	await page.goto(address);
	found.address.push(await page.evaluate(until, { last: WEIR_LAST }));
}
for (let i = 0; i < ROUNDS; i += 1) found.answer.push(await answered());
const earlier = page.getByRole("button", { name: "Earlier messages" });
for (await page.waitForTimeout(1000); await earlier.count(); await page.waitForTimeout(300)) await earlier.click().catch(() => undefined);
found.drawn = await page.locator("article[data-message]").count();
for (let i = 0; i < ROUNDS; i += 1) found.answerAll.push(await answered());
console.log(JSON.stringify(found));
await browser.close();
