import { act, renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import { useQueue } from "@/components/knowledge/useQueue";
import { startI18n } from "@/i18n";
import { json } from "./help";

interface Sent {
	path: string;
	signal: AbortSignal;
	answer: (response: Response) => void;
}

const file = (name: string) => new File(["text"], name, { type: "text/plain" });
const settled = () => act(async () => void (await new Promise((done) => setTimeout(done, 0))));

describe("files on their way to a base", () => {
	let sent: Sent[];
	beforeEach(async () => {
		await startI18n();
		sent = [];
		useSession.setState({ status: "in", token: "token", expiresAt: Date.now() + 900_000 });
		vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
			return new Promise<Response>((answer, refuse) => {
				const signal = init.signal!;
				signal.addEventListener("abort", () => refuse(new DOMException("aborted", "AbortError")));
				sent.push({ path, signal, answer });
			});
		});
	});

	it("go two at a time, in their order, and leave when they have arrived", async () => {
		const arrived = vi.fn();
		const { result } = renderHook(() => useQueue("b1", arrived));
		act(() => result.current.add([file("a.txt"), file("b & c.txt"), file("d.txt")]));
		await settled();
		expect(sent.map((s) => s.path)).toEqual(["/api/knowledge/b1/documents?filename=a.txt", "/api/knowledge/b1/documents?filename=b+%26+c.txt"]);
		expect(result.current.sending.map((s) => s.state)).toEqual(["sending", "sending", "waiting"]);
		sent[0]!.answer(json({ document: { id: "d1" }, duplicate: false }));
		await settled();
		await settled();
		expect(arrived).toHaveBeenCalledExactlyOnceWith({ document: { id: "d1" }, duplicate: false });
		expect(sent).toHaveLength(3);
		expect(result.current.sending.map((s) => s.name)).toEqual(["b & c.txt", "d.txt"]);
	});
	it("stay with the reason when they are refused, and may be sent again", async () => {
		const { result } = renderHook(() => useQueue("b1", () => undefined));
		act(() => result.current.add([file("a.txt")]));
		await settled();
		sent[0]!.answer(json({ code: "too_large", message: "Too large." }, 413));
		await settled();
		await settled();
		expect(result.current.sending).toMatchObject([{ state: "refused", problem: "Too large." }]);
		act(() => result.current.again(result.current.sending[0]!.id));
		await settled();
		expect(sent).toHaveLength(2);
		expect(result.current.sending).toMatchObject([{ state: "sending", problem: undefined }]);
	});
	it("are not sent any more when they are taken out, or the page is left", async () => {
		const { result, unmount } = renderHook(() => useQueue("b1", () => undefined));
		act(() => result.current.add([file("a.txt"), file("b.txt")]));
		await settled();
		act(() => result.current.drop(result.current.sending[0]!.id));
		expect(sent[0]!.signal.aborted).toBe(true);
		expect(result.current.sending.map((s) => s.name)).toEqual(["b.txt"]);
		unmount();
		expect(sent[1]!.signal.aborted).toBe(true);
	});
});
