import type { Message } from "@/api/types";

const encoder = new TextEncoder();

/** A response body that gives these pieces, then ends; or breaks, as a cut line does. */
export function body(pieces: (string | Uint8Array)[], breaks = false): ReadableStream<Uint8Array> {
	let i = 0;
	return new ReadableStream({
		pull(controller) {
			const piece = pieces[i++];
			if (piece !== undefined) controller.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece);
			else if (breaks) controller.error(new TypeError("network error"));
			else controller.close();
		},
	});
}

export function sse(pieces: (string | Uint8Array)[], breaks = false): Response {
	return new Response(body(pieces, breaks), { headers: { "Content-Type": "text/event-stream" } });
}

export function event(type: string, data: object, id?: string): string {
	return `${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify({ type, data })}\n\n`;
}

export function message(over: Partial<Message> = {}): Message {
	return {
		id: "m1",
		conversation_id: "c1",
		sequence: 2,
		role: "assistant",
		content: "",
		status: "success",
		is_error: false,
		error_message: null,
		error_display: null,
		model: "demo",
		input_tokens: 0,
		output_tokens: 0,
		credits_cost: 0,
		attachments: [],
		citations: [],
		searched: null,
		calls: null,
		task_id: "t1",
		created_at: "2026-01-02T03:04:05Z",
		updated_at: "2026-01-02T03:04:05Z",
		...over,
	};
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
	return new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json", ...headers } });
}
