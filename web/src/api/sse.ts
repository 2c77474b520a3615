/*
 * Server-sent events from a fetch body. EventSource cannot send a bearer token
 * or POST, so the framing is read here: bytes may be cut anywhere, also within
 * a character; lines end in LF, CRLF or CR; lines that are no field (comments,
 * keep-alives) are skipped.
 */
export interface SseEvent {
	/** The last id seen, also on an earlier event. */
	id: string | null;
	event: string;
	data: string;
}

export class SseParser {
	private readonly decoder = new TextDecoder("utf-8");
	private rest = "";
	private pendingCr = false;
	private id: string | null = null;
	private event = "";
	private data: string[] = [];

	/** The events that `bytes` completes. */
	push(bytes: Uint8Array): SseEvent[] {
		return this.text(this.decoder.decode(bytes, { stream: true }));
	}

	private text(chunk: string): SseEvent[] {
		const out: SseEvent[] = [];
		if (this.pendingCr && chunk.startsWith("\n")) chunk = chunk.slice(1);
		if (chunk.length > 0) this.pendingCr = chunk.endsWith("\r");
		const lines = (this.rest + chunk).split(/\r\n|\n|\r/);
		this.rest = lines.pop() ?? "";
		for (const line of lines) this.line(line, out);
		return out;
	}

	private line(line: string, out: SseEvent[]) {
		if (line === "") {
			if (this.data.length > 0)
				out.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") });
			this.event = "";
			this.data = [];
			return;
		}
		const colon = line.indexOf(":");
		if (colon === 0) return;
		const name = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
		if (name === "data") this.data.push(value);
		else if (name === "event") this.event = value;
		else if (name === "id" && !value.includes("\0")) this.id = value;
	}
}

export interface Listen {
	/** Something came, if only a keep-alive. */
	onBytes?: () => void;
	/** Ends the events, as the end of the body does. */
	signal?: AbortSignal;
}

/** Events of a response until its body ends. A cut body throws, as fetch does. */
export async function* events(body: ReadableStream<Uint8Array>, { onBytes, signal }: Listen = {}): AsyncGenerator<SseEvent> {
	const parser = new SseParser();
	const reader = body.getReader();
	const leave = () => void reader.cancel().catch(() => undefined);
	signal?.addEventListener("abort", leave);
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			onBytes?.();
			yield* parser.push(value);
		}
	} finally {
		signal?.removeEventListener("abort", leave);
		leave();
	}
}
