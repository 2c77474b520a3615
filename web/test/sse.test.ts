import { describe, expect, it } from "vitest";
import { events, type SseEvent, SseParser } from "@/api/sse";
import { body } from "./help";

const encoder = new TextEncoder();

async function all(pieces: (string | Uint8Array)[]): Promise<SseEvent[]> {
	const out: SseEvent[] = [];
	for await (const e of events(body(pieces))) out.push(e);
	return out;
}

describe("the reader of server-sent events", () => {
	it("reads data, ids and event names, and skips comments and unknown fields", async () => {
		expect(await all([": ok\n\nid: 7\nevent: ping\nretry: 5\nnonsense\ndata: a\n\n"])).toEqual([
			{ id: "7", event: "ping", data: "a" },
		]);
	});

	it("keeps the last id for events without one, and joins lines of data", async () => {
		expect(await all(["id: 1\ndata: a\n\ndata: b\ndata:c\n\n"])).toEqual([
			{ id: "1", event: "message", data: "a" },
			{ id: "1", event: "message", data: "b\nc" },
		]);
	});

	it.each([1, 2, 3, 5])("gives the same when bytes come %i at a time, within characters too", async (size) => {
		const bytes = encoder.encode('id: 3\r\ndata: {"text":"水流过堰 🌊"}\r\n\r\ndata: x\r\rdata: [DONE]\n\n');
		const pieces: Uint8Array[] = [];
		for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.slice(i, i + size));
		expect((await all(pieces)).map((e) => e.data)).toEqual(['{"text":"水流过堰 🌊"}', "x", "[DONE]"]);
	});

	it("gives nothing for an event that was cut off", async () => {
		expect(await all(["data: whole\n\ndata: hal"])).toHaveLength(1);
		expect(await all(["data: whole\n\ndata: half\n"])).toHaveLength(1);
	});

	it("does not take a CR LF that was cut in two for an empty line", () => {
		const parser = new SseParser();
		expect(parser.push(encoder.encode("data: a\r"))).toEqual([]);
		expect(parser.push(encoder.encode("\ndata: b\r\n\r\n"))).toMatchObject([{ data: "a\nb" }]);
	});

	it("throws when the connection breaks", async () => {
		const read = async () => {
			for await (const _ of events(body(["data: a\n\n"], true)));
		};
		await expect(read()).rejects.toThrow("network error");
	});
});
