/*
 * Reading one turn to its end, over as many connections as it takes.
 *
 * The first connection is the question itself (POST); after a cut the rest is
 * fetched from GET /api/tasks/{id}/stream, from the last position seen. Before
 * the server said which task it is, the question is asked again with the same
 * Idempotency-Key, which joins the stream that runs.
 */
import { send } from "@/api/client";
import { ApiError, isAbort, isTransient, NetworkError } from "@/api/errors";
import { events } from "@/api/sse";
import type { TurnEvent } from "@/api/types";

/** The server sends a comment at least every 15 s: this much silence is a dead line. */
export const SILENCE_MS = 45_000;
export const ATTEMPTS_MAX = 12;

export interface Position {
	taskId: string | null;
	/** The id of the last event seen. */
	lastId: string | null;
}

export interface TurnReader {
	/** Asks the question; null when the task is known and only its stream is wanted. */
	open: ((signal: AbortSignal) => Promise<Response>) | null;
	position: Position;
	signal: AbortSignal;
	onEvent: (event: TurnEvent) => void;
	/** The line is gone; another try follows. */
	onLost: (attempt: number) => void;
	pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Resolves after the terminal event. Throws ApiError (refused), NetworkError (given up), AbortError. */
export async function readTurn(reader: TurnReader): Promise<void> {
	const { position, signal } = reader;
	const pause = reader.pause ?? backoff;
	let attempt = 0;
	for (;;) {
		const before = position.lastId;
		try {
			if (await connectOnce(reader)) return;
			if (signal.aborted) throw new DOMException("aborted", "AbortError");
		} catch (e) {
			if (isAbort(e) && signal.aborted) throw e;
			const refused = e instanceof ApiError && (position.taskId === null || !isTransient(e));
			if (refused) throw e;
		}
		if (position.lastId !== before) attempt = 0;
		if (attempt >= ATTEMPTS_MAX || (reader.open !== null && position.taskId === null && attempt >= 4))
			throw new NetworkError("gave up");
		reader.onLost(attempt);
		await pause(delay(attempt), signal);
		attempt += 1;
	}
}

/** True: the terminal event came. */
async function connectOnce(reader: TurnReader): Promise<boolean> {
	const watchdog = new Watchdog(reader.signal);
	try {
		const { taskId, lastId } = reader.position;
		const response =
			taskId === null && reader.open ? await reader.open(watchdog.signal) : await rejoin(taskId!, lastId, watchdog.signal);
		if (!response.body) throw new NetworkError("no body");
		return await drain(response.body, watchdog, reader);
	} finally {
		watchdog.stop();
	}
}

function rejoin(taskId: string, lastId: string | null, signal: AbortSignal): Promise<Response> {
	return send(`/api/tasks/${taskId}/stream`, {
		signal,
		headers: lastId === null ? {} : { "Last-Event-ID": lastId },
	});
}

async function drain(body: ReadableStream<Uint8Array>, watchdog: Watchdog, { position, onEvent }: TurnReader): Promise<boolean> {
	let ended = false;
	for await (const { id, data } of events(body, { onBytes: () => watchdog.kick(), signal: watchdog.signal })) {
		if (data === "[DONE]") return ended;
		const event = parse(data);
		if (event === null) continue;
		if (isSentAway(event)) return false; // as a cut: whoever signs in again reads on
		if (event.type === "start") position.taskId = event.data.task_id;
		onEvent(event);
		if (id !== null) position.lastId = id;
		ended = event.type === "done" || event.type === "error" || event.type === "cancelled";
		if (ended) return true;
	}
	return false;
}

/** The session is over; the turn may go on. */
function isSentAway(event: TurnEvent): boolean {
	return event.type === "error" && event.data.code === "unauthenticated" && !("task_id" in event.data);
}

function parse(data: string): TurnEvent | null {
	try {
		const event = JSON.parse(data) as TurnEvent;
		return typeof event.type === "string" && typeof event.data === "object" ? event : null;
	} catch {
		return null; // not ours: skipped, as unknown types are
	}
}

/** 0.3 s at first, doubling to 8 s, with jitter. */
export function delay(attempt: number): number {
	const full = Math.min(8_000, 300 * 2 ** attempt);
	return full / 2 + (full / 2) * Math.random();
}

/** Waits; comes back at once when the network does. */
export function backoff(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const done = (f: () => void) => () => {
			clearTimeout(timer);
			window.removeEventListener("online", wake);
			signal.removeEventListener("abort", abort);
			f();
		};
		const wake = done(resolve);
		const abort = done(() => reject(new DOMException("aborted", "AbortError")));
		const timer = setTimeout(wake, ms);
		window.addEventListener("online", wake);
		signal.addEventListener("abort", abort);
		if (signal.aborted) abort();
	});
}

/** Ends a connection on which nothing came for SILENCE_MS. */
class Watchdog {
	private readonly inner = new AbortController();
	private timer: ReturnType<typeof setTimeout> | undefined;
	private readonly onAbort = () => this.inner.abort();

	constructor(private readonly outer: AbortSignal) {
		outer.addEventListener("abort", this.onAbort);
		if (outer.aborted) this.inner.abort();
		this.kick();
	}

	get signal(): AbortSignal {
		return this.inner.signal;
	}

	stop() {
		clearTimeout(this.timer);
		this.outer.removeEventListener("abort", this.onAbort);
		this.inner.abort();
	}

	kick() {
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.inner.abort(), SILENCE_MS);
	}
}
