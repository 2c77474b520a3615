import { describe, expect, it } from "vitest";
import { browserLanguage } from "@/i18n/language";
import settings from "@/i18n/settings.zh.json";
import zh from "@/i18n/zh.json";
import { splitBlocks } from "@/lib/blocks";
import { channelModels, channelModelsText } from "@/lib/channels";
import { checkModelConflict, conflictOf } from "@/lib/conflict";
import { formatDateGroup, groupConversationsByDate } from "@/lib/dates";
import { deviceName } from "@/lib/device";
import { credits, signedCredits } from "@/lib/format";
import { mediaUrl } from "@/lib/links";
import { passwordProblem } from "@/lib/password";
import { LANGUAGES, SDKS, snippet } from "@/lib/snippets";
import { speakable } from "@/lib/speech";

describe("date groups", () => {
	const now = new Date(2026, 2, 10, 9, 30);
	const at = (...a: [number, number, number, number?, number?]) => new Date(a[0], a[1], a[2], a[3] ?? 12, a[4] ?? 0);

	it.each([
		[at(2026, 2, 10, 0, 0), "今天", "Today"],
		[at(2026, 2, 10, 23, 59), "今天", "Today"],
		[at(2026, 2, 9, 23, 59), "昨天", "Yesterday"],
		[at(2026, 2, 9, 0, 0), "昨天", "Yesterday"],
		[at(2026, 2, 8, 23, 59), "3月8日", "8 March"],
		[at(2025, 11, 31), "2025年12月31日", "31 December 2025"],
	])("%s is %s, %s", (value, chinese, english) => {
		expect(formatDateGroup(value, "zh", now)).toBe(chinese);
		expect(formatDateGroup(value, "en", now)).toBe(english);
	});

	it("calls a clock that is ahead today", () => {
		expect(formatDateGroup(at(2026, 2, 11), "zh", now)).toBe("今天");
	});

	it("keep the order, and none appears twice", () => {
		const items = [at(2026, 2, 10), at(2026, 2, 9), at(2026, 2, 10), at(2026, 2, 1)].map((d, id) => ({ id, updated_at: d.toISOString() }));
		const groups = groupConversationsByDate(items, "zh", now);
		expect(groups.map((g) => [g.label, g.items.map((i) => i.id)])).toEqual([
			["今天", [0, 2]],
			["昨天", [1]],
			["3月1日", [3]],
		]);
		expect(groupConversationsByDate([], "en")).toEqual([]);
	});
});

describe("a model and what is attached", () => {
	const plain = { abilities: [] as string[] };
	const seeing = { abilities: ["vision"] };

	it.each([
		[plain, false, false, null],
		[plain, true, false, "image"],
		[plain, false, true, "video"],
		[plain, true, true, "image"],
		[seeing, true, false, null],
		[seeing, true, true, "video"],
		[{ abilities: ["video"] }, false, true, null],
		[undefined, true, true, null],
	])("%j with image %s, video %s: %s", (model, image, video, conflict) => {
		expect(checkModelConflict(model, image, video)).toBe(conflict);
	});

	it("looks at attachments by their kind", () => {
		expect(conflictOf(plain, [{ type: "audio", url: "http://x/a" }])).toBe("audio");
		expect(conflictOf(seeing, [{ type: "image", url: "http://x/a" }])).toBeNull();
	});
});

describe("cutting Markdown into blocks", () => {
	const TEXTS = [
		"one\n\ntwo\n\nthree",
		"# T\n\n- a\n\n- b\n\n  more of b\n\nafter",
		"1. a\n\n2. b\n\n\npara",
		"```js\nlet a;\n\n\nlet b;\n```\n\nend",
		"~~~~\n```\n\n~~~\n\n~~~~\n\nend",
		"$$\na\n\nb\n$$\n\nend",
		"| a | b |\n|--|--|\n| 1 | 2 |\n\ntext",
		"> q\n\n> q2\n\nx",
		"text [a][1]\n\nmore\n\n[1]: https://example.org",
		"open\n\n```py\nnot closed\n\nyet",
		"",
		"\n\n\n",
	];

	it.each(TEXTS)("loses nothing of %j", (text) => {
		expect(splitBlocks(text).join("")).toBe(text);
	});

	it("does not cut code, lists, formulas, or text with definitions", () => {
		expect(splitBlocks(TEXTS[1]!)).toHaveLength(2);
		expect(splitBlocks(TEXTS[2]!)).toHaveLength(2);
		expect(splitBlocks(TEXTS[3]!)).toHaveLength(2);
		expect(splitBlocks(TEXTS[4]!)).toHaveLength(2);
		expect(splitBlocks(TEXTS[5]!)).toHaveLength(2);
		expect(splitBlocks(TEXTS[8]!)).toHaveLength(1);
		expect(splitBlocks(TEXTS[9]!)).toHaveLength(2);
	});

	it("keeps all blocks but the last when text is added", () => {
		const text = TEXTS.slice(0, 8).join("\n\n");
		for (let end = 1; end < text.length; end += 7) {
			const before = splitBlocks(text.slice(0, end)).slice(0, -1);
			expect(splitBlocks(text).slice(0, before.length).join("").startsWith(before.join("").trimEnd())).toBe(true);
		}
	});
});

describe("small things", () => {
	it("takes only addresses that the server takes", () => {
		expect(mediaUrl(" https://example.org/a b.png ")).toBe("https://example.org/a%20b.png");
		for (const bad of ["", "example.org/x.png", "ftp://x/y", "javascript:alert(1)", "data:image/png;base64,AA", "https://", "https://u:p@x/y", `https://x/${"a".repeat(2048)}`])
			expect(mediaUrl(bad), bad).toBeNull();
	});

	it("counts passwords in characters", () => {
		expect(passwordProblem("1234567")).toBe("too_short");
		expect(passwordProblem("😀".repeat(8))).toBeNull();
		expect(passwordProblem("a".repeat(128))).toBeNull();
		expect(passwordProblem("a".repeat(129))).toBe("too_long");
	});

	it("writes credits without noise", () => {
		expect(credits(998.50644999999997)).toBe("998.51");
		expect(credits(0.00015)).toBe("0.0002");
		expect(credits(0.000034)).toBe("0.000034");
		expect(credits(0)).toBe("0");
		expect(credits(1000)).toBe("1,000");
		expect(signedCredits(-0.159)).toBe("-0.159");
		expect(signedCredits(5)).toBe("+5");
	});

	it("reads and writes the models of a channel", () => {
		const models = channelModels(" a \n\nb = up/b:1 \nc=c");
		expect(models).toEqual([{ model: "a" }, { model: "b", upstream_name: "up/b:1" }, { model: "c", upstream_name: "c" }]);
		expect(channelModelsText(models)).toBe("a\nb=up/b:1\nc");
	});

	it("reads text aloud without its marks", () => {
		expect(speakable("# Title\n\n**Bold** and [link](https://x).\n\n```js\ncode();\n```\n- item")).toBe("Title\n\n Bold and link.\nitem");
	});

	it("names devices", () => {
		expect(deviceName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36")).toBe("Chrome, Linux");
		expect(deviceName("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1")).toBe("Safari, iOS");
		expect(deviceName(null)).toBeNull();
	});

	it("chooses a language the page speaks", () => {
		expect(browserLanguage(["fr", "zh-TW", "en"])).toBe("zh");
		expect(browserLanguage(["en-US", "zh"])).toBe("en");
		expect(browserLanguage(["fr"])).toBe("en");
	});
});

describe("texts", () => {
	const flat = (texts: object, at = ""): [string, string][] =>
		Object.entries(texts).flatMap(([k, v]) => (typeof v === "string" ? (k.endsWith("_one") ? [] : [[`${at}${k}`, v] as [string, string]]) : flat(v as object, `${at}${k}.`)));
	const holes = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort().join();

	// Every file of texts there is. Chinese has no singular of its own.
	const files = import.meta.glob<object>("../src/i18n/*.json", { eager: true, import: "default" });
	const english = Object.entries(files).filter(([path]) => /\ben\.json$/.test(path));

	it.each(english.map(([path, texts]) => [texts, files[path.replace(/\ben\.json$/, "zh.json")] ?? {}] as const))("are the same in both languages, with the same holes, and none is empty", (ours, theirs) => {
		const chinese = new Map(flat(theirs));
		expect([...chinese.keys()].sort()).toEqual(flat(ours).map(([k]) => k).sort());
		for (const [key, text] of flat(ours)) {
			expect(text, key).not.toBe("");
			expect(chinese.get(key), key).not.toBe("");
			expect(holes(chinese.get(key) ?? ""), key).toBe(holes(text));
		}
	});

	it("say what the documents fix", () => {
		expect(zh.chat.placeholder).toBe("发消息...");
		expect(zh.chat.stop).toBe("停止生成");
		expect(zh.errors.task_queue_full).toBe("任务队列已满，请等待当前任务完成");
		expect([settings.account.nickname, settings.account.phone, settings.account.balance, zh.auth.sign_out]).toEqual(["昵称", "手机号", "积分余额", "退出登录"]);
	});
});

describe("snippets", () => {
	const at = { origin: "https://weir.example", key: 'wk-"x', model: "demo" };
	const all = SDKS.flatMap((sdk) => LANGUAGES.map((language) => [sdk, language] as const));

	it.each(all)("%s, %s: the site, the key and the model, quoted", (sdk, language) => {
		const code = snippet(sdk, language, at);
		expect(code).toContain(sdk === "openai" ? '"https://weir.example/v1"' : '"https://weir.example"');
		expect(code).toContain(String.raw`"wk-\"x"`);
		expect(code).toContain('"demo"');
		expect(code.split("\n")[0]).toMatch(language === "python" ? /^# pip install / : /^\/\/ npm install /);
	});
});
