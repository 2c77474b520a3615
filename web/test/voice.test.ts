/* Dictation and reading aloud by a model. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/errors";
import { pieces, transcribe } from "@/lib/voice";

vi.mock("@/api/session", () => ({ token: () => Promise.resolve("t"), refresh: () => Promise.resolve(false), end: () => undefined }));

afterEach(() => vi.unstubAllGlobals());

describe("pieces of a text", () => {
	it("leaves a short one whole, and nothing of an empty one", () => {
		expect(pieces(" One. Two. ")).toEqual(["One. Two."]);
		expect(pieces(" \n ")).toEqual([]);
	});
	it("cuts between sentences, of either language, else between words, else anywhere", () => {
		expect(pieces("One two. Three four. Five.", 12)).toEqual(["One two.", "Three four.", "Five."]);
		expect(pieces("一二三。四五六。七", 4)).toEqual(["一二三。", "四五六。", "七"]);
		expect(pieces("one two three four", 9)).toEqual(["one two", "three", "four"]);
		expect(pieces("x".repeat(25), 10)).toEqual(["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
	});
	it("loses nothing", () => {
		const text = Array.from({ length: 400 }, (_, i) => `Sentence ${i} says so.`).join(" ");
		expect(pieces(text).join(" ")).toBe(text);
		expect(pieces(text).every((p) => p.length <= 4000)).toBe(true);
	});
});

describe("dictation", () => {
	const file = new File(["sound"], "recording.webm", { type: "audio/webm" });
	it("sends a form and gives the words", async () => {
		const fetched = vi.fn().mockResolvedValue(new Response(JSON.stringify({ text: " hello " })));
		vi.stubGlobal("fetch", fetched);
		expect(await transcribe(file, "ears")).toBe("hello");
		const [path, ask] = fetched.mock.calls[0] as [string, { headers: Record<string, string>; body: FormData }];
		expect(path).toBe("/v1/audio/transcriptions");
		expect(ask.headers["Content-Type"]).toBeUndefined(); // the browser's, with its boundary
		expect([ask.body.get("model"), ask.body.get("response_format"), (ask.body.get("file") as File).name]).toEqual(["ears", "json", "recording.webm"]);
	});
	it("says why not, in the words of the vendor's path", async () => {
		const refusal = { error: { message: "No credits left.", type: "insufficient_quota", param: null, code: "insufficient_quota" } };
		vi.stubGlobal("fetch", vi.fn().mockResolvedValue(new Response(JSON.stringify(refusal), { status: 402 })));
		const failure = await transcribe(file, "ears").catch((e: unknown) => e);
		expect(failure).toBeInstanceOf(ApiError);
		expect([(failure as ApiError).message, (failure as ApiError).code]).toEqual(["No credits left.", "insufficient_quota"]);
	});
});
