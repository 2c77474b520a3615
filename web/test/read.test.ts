import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, NetworkError } from "@/api/errors";
import { useSession } from "@/api/session";
import type { TurnEvent } from "@/api/types";
import { ATTEMPTS_MAX, delay, readTurn, SILENCE_MS } from "@/stream/read";
import { event, json, message, sse } from "./help";

const START = event("start", { task_id: "t1", assistant_message_id: "m1" }, "0");
const DONE = event("done", { task_id: "t1", assistant_message: message() }, "9-1");
const END = "data: [DONE]\n\n";

function walk(answers: (() => Response | Promise<Response>)[], taskId: string | null = null) {
	const seen: TurnEvent[] = [];
	const asked: { path: string; lastId: string | null }[] = [];
	const lost = vi.fn();
	const abort = new AbortController();
	const next = async () => {
		const answer = answers.shift();
		if (!answer) throw new Error("asked once too often");
		return answer();
	};
	vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
		asked.push({ path, lastId: new Headers(init.headers).get("Last-Event-ID") });
		return next();
	});
	const done = readTurn({
		open: taskId === null ? next : null,
		position: { taskId, lastId: null },
		signal: abort.signal,
		onEvent: (e) => seen.push(e),
		onLost: lost,
		pause: () => Promise.resolve(),
	});
	const text = () => seen.map((e) => (e.type === "content" ? e.data.text : "")).join("");
	return { done, seen, asked, lost, abort, text };
}

beforeEach(() => {
	useSession.setState({ status: "in", token: "token", expiresAt: Date.now() + 900_000 });
});

describe("reading a turn", () => {
	it("ends with the terminal event", async () => {
		const t = walk([() => sse([": ok\n\n", START, event("content", { text: "Hi" }, "2"), DONE, END])]);
		await t.done;
		expect(t.seen.map((e) => e.type)).toEqual(["start", "content", "done"]);
		expect(t.lost).not.toHaveBeenCalled();
	});

	it("goes on from the last position after a cut, on the task's own stream", async () => {
		const t = walk([
			() => sse([START, event("content", { text: "He" }, "2")], true),
			() => sse([event("content", { text: "llo" }, "5"), DONE, END]),
		]);
		await t.done;
		expect(t.text()).toBe("Hello");
		expect(t.asked).toEqual([{ path: "/api/tasks/t1/stream", lastId: "2" }]);
	});

	it("takes an end without a terminal event for a cut", async () => {
		const t = walk([() => sse([START, event("content", { text: "a" }, "1")]), () => sse([DONE, END])]);
		await t.done;
		expect(t.lost).toHaveBeenCalledTimes(1);
	});

	it("asks again when the line broke before the task had a name", async () => {
		const t = walk([
			() => Promise.reject(new NetworkError("refused")),
			() => sse([START, DONE, END]),
		]);
		await t.done;
		expect(t.asked).toEqual([]); // both by open(), which sends the same Idempotency-Key
	});

	it("tries again when the server is away for a moment, not when it says no", async () => {
		const away = () => json({ code: "unavailable", message: "away" }, 503);
		const t = walk([() => sse([START], true), away, () => sse([DONE, END])]);
		await t.done;
		const gone = walk([() => sse([START], true), () => json({ code: "not_found", message: "gone" }, 404)]);
		await expect(gone.done).rejects.toMatchObject({ status: 404 });
	});

	it("never repeats a refused question: 402, 429, 503", async () => {
		for (const status of [402, 429, 503]) {
			const refuse = () => Promise.reject(new ApiError(status, { code: "x" }, new Headers()));
			await expect(walk([refuse]).done).rejects.toMatchObject({ status });
		}
	});

	it("gives up after enough tries, and counts anew when something came", async () => {
		const cut = () => sse([event("content", { text: "a" }, String(Math.random()))], true);
		const nothing = () => Promise.reject(new NetworkError("no"));
		const t = walk([cut, ...Array.from({ length: ATTEMPTS_MAX - 1 }, () => nothing), cut, ...Array.from({ length: ATTEMPTS_MAX - 1 }, () => nothing), () => sse([DONE, END])], "t1");
		await t.done;
		const dead = walk(Array.from({ length: ATTEMPTS_MAX + 1 }, () => nothing), "t1");
		await expect(dead.done).rejects.toBeInstanceOf(NetworkError);
	});

	it("stops when it is told to", async () => {
		const endless = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(new TextEncoder().encode(START)) });
		const t = walk([() => new Response(endless)]);
		await vi.waitFor(() => expect(t.seen).toHaveLength(1));
		t.abort.abort();
		await expect(t.done).rejects.toMatchObject({ name: "AbortError" });
		expect(t.asked).toEqual([]);
	});

	it("takes a silent line for a dead one", async () => {
		vi.useFakeTimers();
		const silent = () =>
			new Response(
				new ReadableStream<Uint8Array>({
					start: (c) => c.enqueue(new TextEncoder().encode(START)),
				}),
			);
		const t = walk([silent, () => sse([DONE, END])]);
		await vi.advanceTimersByTimeAsync(SILENCE_MS + 1_000);
		await t.done;
		expect(t.lost).toHaveBeenCalledTimes(1);
	});

	it("skips what is not its own", async () => {
		const t = walk([() => sse([START, "data: not json\n\n", "data: 7\n\n", event("novelty", {}), DONE, END])]);
		await t.done;
		expect(t.seen.at(-1)?.type).toBe("done");
	});
});

it("waits longer and longer, but not too long", () => {
	for (let i = 0; i < 20; i += 1) {
		expect(delay(i)).toBeGreaterThanOrEqual(150);
		expect(delay(i)).toBeLessThanOrEqual(8_000);
	}
	expect(delay(10)).toBeGreaterThanOrEqual(4_000);
});
