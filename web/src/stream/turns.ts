/*
 * The turns of this page. They live outside React: a conversation may leave the
 * screen while its answer is written, and come back to all of it. Each turn
 * writes to its own conversation only, by id, never to "the one on the screen".
 */
import { send as request } from "@/api/client";
import { ApiError, isAbort } from "@/api/errors";
import type { Attachment, Message, TurnEnd, TurnEvent, TurnStart } from "@/api/types";
import { tasks as tasksApi } from "@/api/weir";
import { explain } from "@/lib/explain";
import { newId } from "@/lib/ids";
import { setBalance } from "@/queries/account";
import { changeConversation, refreshConversation, refreshConversations } from "@/queries/conversations";
import { cachedMessages, dropFrom, refreshMessages, upsertMessages } from "@/queries/messages";
import { useConversation } from "@/stores/conversation";
import { createStreamingMessage, createTempMessage, joined, type LiveTurn, turnsOf, useRuntime } from "@/stores/runtime";
import { useTasks } from "@/stores/tasks";
import { paced } from "./paced";
import { readTurn } from "./read";
import { reportEnd, reportLost, reportRefused } from "./report";

export interface Question {
	content: string;
	model: string | null;
	attachments: Attachment[];
}

/** Who waits for more than the end of a turn. */
interface Hooks {
	/** It is on the screen. */
	made?: (turn: LiveTurn) => void;
	started?: (start: TurnStart) => void;
	/** It did not begin; `kept`: its question did. Whoever asks tells why. */
	refused?: (error: unknown, kept: Message | null) => void;
}

interface Running extends Hooks {
	abort: AbortController;
	stopWanted: boolean;
}

const running = new Map<string, Running>();
/** Tasks that ended here: a message list read a moment ago may still call them running. */
const ended = new Set<string>();

/**
 * Asks; `instead`: as another version of that question. Resolves when the turn is over, however it ended; false: it
 * was refused and nothing is kept.
 */
export function sendMessage(conversationId: string, question: Question, instead: Message | null = null, hooks: Hooks = {}): Promise<boolean> {
	const answer = createStreamingMessage(conversationId, question.model);
	const turn = newTurn(conversationId, "send", answer, {
		question: createTempMessage(conversationId, question.content, question.attachments),
		replaces: instead,
	});
	return run(turn, `/api/conversations/${conversationId}/messages/stream`, {
		content: question.content,
		...(question.model && { model: question.model }),
		...urls(question.attachments),
		...(instead && { edit_of: instead.id }),
	}, hooks);
}

/** Answers the same question again: a failed answer in its place, a good one as another version; `beside`: what it is compared with. */
export function regenerateMessage(conversationId: string, message: Message, model: string | null, beside: string | null = null): Promise<boolean> {
	const turn = message.is_error
		? newTurn(conversationId, "refill", { ...message, model: model ?? message.model }, { assistantId: message.id, beside })
		: newTurn(conversationId, "sibling", createStreamingMessage(conversationId, model), { replaces: message });
	const path = `/api/conversations/${conversationId}/messages/${message.id}/regenerate`;
	return run(turn, path, model ? { model } : {});
}

/** The user's word on the calls of tools in an answer: those are made, and the model goes on. */
export function continueTurn(message: Message, json: unknown): Promise<boolean> {
	const { conversation_id: id } = message;
	return run(newTurn(id, "tools", createStreamingMessage(id, message.model), {}), `/api/conversations/${id}/messages/${message.id}/tools`, json);
}

/** Joins an answer that is being written: after a reload, or begun in another tab. */
export function followTask(conversationId: string, taskId: string, message: Message, beside: string | null = null): Promise<boolean> {
	if (ended.has(taskId) || isLiveHere(taskId)) return Promise.resolve(true);
	const turn = newTurn(conversationId, "follow", message, { assistantId: message.id, taskId, phase: "waiting", beside });
	return run(turn, null, null);
}

/** Stops what this conversation is writing. The server ends the stream; the text so far stays. */
export function stopTurns(conversationId: string) {
	for (const turn of turnsOf(useRuntime.getState().turns, conversationId)) stopTurn(turn);
}

export function stopTurn(turn: LiveTurn) {
	const own = running.get(turn.key);
	if (turn.taskId === null) {
		// Not accepted yet, as far as we know: stop it as soon as it is.
		if (own) own.stopWanted = true;
		useRuntime.getState().change(turn.key, { phase: "stopping" });
		return;
	}
	useRuntime.getState().change(turn.key, { phase: "stopping" });
	tasksApi.abort(turn.taskId).catch((e) => {
		useRuntime.getState().change(turn.key, { phase: "streaming" });
		reportRefused(e);
	});
}

/** Once more, after a turn was given up for lack of a connection. */
export function retryLost(key: string) {
	const turn = useRuntime.getState().turns[key];
	if (!turn || turn.phase !== "lost" || turn.taskId === null) return;
	const { conversationId, taskId, answer, assistantId, beside } = turn;
	useRuntime.getState().drop(key);
	void followTask(conversationId, taskId, { ...answer, id: assistantId ?? answer.id }, beside);
}

/** Signing out: nothing may be written any more. */
export function dropAllTurns() {
	for (const { abort } of running.values()) abort.abort();
	running.clear();
	ended.clear();
	useRuntime.getState().clear();
}

export function isLiveHere(taskId: string): boolean {
	return Object.values(useRuntime.getState().turns).some((t) => t.taskId === taskId);
}

/** Does this page follow the task itself? Also while its name is still on the way. */
export function isOurs(taskId: string, conversationId: string | null): boolean {
	const { turns } = useRuntime.getState();
	return (
		ended.has(taskId) ||
		Object.values(turns).some(
			(t) => t.taskId === taskId || (t.taskId === null && t.conversationId === conversationId),
		)
	);
}

// -- one turn

export function newTurn(
	conversationId: string,
	kind: LiveTurn["kind"],
	answer: Message,
	more: Partial<LiveTurn>,
): LiveTurn {
	return {
		key: newId(),
		conversationId,
		kind,
		phase: "asking",
		taskId: null,
		assistantId: null,
		question: null,
		questionId: null,
		replaces: null,
		beside: null,
		answer,
		text: "",
		reasoning: "",
		startedAt: Date.now(),
		...more,
	};
}

function urls(attachments: Attachment[]): Record<string, string | string[]> {
	const out: Record<string, string | string[]> = {};
	for (const { type, url } of attachments) {
		if (type === "image" || type === "file") (out[`${type}_urls`] = (out[`${type}_urls`] as string[]) ?? []).push(url);
		else out[`${type}_url`] = url;
	}
	return out;
}

export async function run(turn: LiveTurn, path: string | null, body: unknown, hooks: Hooks = {}): Promise<boolean> {
	const own: Running = { ...hooks, abort: new AbortController(), stopWanted: false };
	const { put, change, drop } = useRuntime.getState();
	const text = paced((t, r) => change(turn.key, { text: t, reasoning: r, phase: phaseNow(turn.key) }));
	let end: { type: string; data: TurnEnd } | null = null;
	let question: Message | null = null;

	running.set(turn.key, own);
	put(turn);
	hooks.made?.(turn);
	try {
		await readTurn({
			open: path === null ? null : (signal) => ask(path, body, turn.key, signal),
			position: { taskId: turn.taskId, lastId: null },
			signal: own.abort.signal,
			onLost: () => change(turn.key, { phase: "reconnecting" }),
			onEvent: (event) => {
				if (event.type === "start") question = event.data.user_message;
				if (event.type === "start") accept(turn, event.data, own);
				else if (event.type === "content") text.add(event.data.text);
				else if (event.type === "reasoning") text.reason(event.data.text);
				else end = event as typeof end;
				if (event.type === "start" && turn.kind === "follow") text.reset();
			},
		});
		text.flush();
		if (end) settle(turn, question, end);
		drop(turn.key);
		return true;
	} catch (e) {
		text.flush();
		return await abandon(turn, e, own);
	} finally {
		running.delete(turn.key);
	}
}

function ask(path: string, json: unknown, key: string, signal: AbortSignal): Promise<Response> {
	return request(path, { method: "POST", json, signal, headers: { "Idempotency-Key": key } });
}

function phaseNow(key: string): LiveTurn["phase"] {
	const phase = useRuntime.getState().turns[key]?.phase;
	return phase === "stopping" ? "stopping" : "streaming";
}

/** The server took it: names for the stand-ins, a title, a task. */
function accept(turn: LiveTurn, start: TurnStart, own: Running) {
	const { change, turns } = useRuntime.getState();
	const before = turns[turn.key];
	if (start.user_message) upsertMessages(turn.conversationId, asVersion(turn, start.user_message));
	change(turn.key, {
		taskId: start.task_id,
		assistantId: start.assistant_message_id,
		question: null,
		questionId: start.user_message?.id ?? null,
		answer: {
			...turn.answer,
			id: start.assistant_message_id ?? turn.answer.id,
			model: start.model,
			sequence: placeOf(turn, start),
			left_out: start.left_out ?? null,
		},
		phase: before?.phase === "stopping" ? "stopping" : before?.text ? "streaming" : "waiting",
	});
	if (turn.kind === "tools") void refreshMessages(turn.conversationId); // what came of the calls
	if (start.title) changeConversation(turn.conversationId, { title: start.title });
	useTasks.getState().startTask(start.task_id, turn.conversationId);
	own.started?.(start);
	if (own.stopWanted) {
		own.stopWanted = false;
		const now = useRuntime.getState().turns[turn.key];
		if (now) stopTurn(now);
	}
}

/** An answer stands behind its question, or behind the answer it is a sibling of. */
function placeOf(turn: LiveTurn, start: TurnStart): number {
	if (turn.kind === "refill" || turn.kind === "follow") return turn.answer.sequence;
	const question = turn.kind === "send" ? start.user_message : null;
	return question ? question.sequence + 0.5 : Number.MAX_SAFE_INTEGER;
}

function settle(turn: LiveTurn, question: Message | null, end: { type: string; data: TurnEnd }) {
	const { data } = end;
	const message = data.assistant_message;
	ended.add(data.task_id);
	useTasks.getState().completeTask(data.task_id);
	const now = useRuntime.getState().turns[turn.key] ?? turn;
	const { left_out, beside } = now.answer;
	const answer = message && { ...withReasoning(message, turn.key), left_out, beside, finish: data.usage?.finish, first_token_ms: data.usage?.first_token_ms };
	if (now.beside) {
		if (answer) putBeside(turn.conversationId, now.beside, answer);
	} else {
		const both = [question, answer].filter((m) => m !== null).map((m) => asVersion(turn, m));
		if (turn.replaces) dropFrom(turn.conversationId, turn.replaces.sequence);
		upsertMessages(turn.conversationId, ...both);
	}
	if (data.balance !== undefined) setBalance(data.balance);
	void refreshConversations();
	// What needs no word is called at once, by the page that asked.
	if (answer?.calls && turn.kind !== "follow" && !now.beside && !answer.calls.some((c) => c.status === "asked")) void continueTurn(answer, {});
	// Of those that are compared one tells.
	if (!now.beside) reportEnd(turn, end as { type: "done" | "error" | "cancelled"; data: TurnEnd }, useConversation.getState().activeId);
}

/** To the answer that it is compared with, wherever that is: here, or being written itself. */
function putBeside(conversationId: string, id: string, message: Message) {
	const { turns, change } = useRuntime.getState();
	const lead = Object.values(turns).find((t) => t.answer.id === id && t.beside === null);
	if (lead) change(lead.key, { answer: { ...lead.answer, beside: joined(lead.answer.beside, [message]) } });
	const known = cachedMessages(conversationId).find((m) => m.id === id);
	if (known) {
		const versions = known.versions ?? [id];
		upsertMessages(conversationId, { ...known, beside: joined(known.beside, [message]), versions: versions.includes(message.id) ? versions : [...versions, message.id] });
	} else if (!lead) void refreshMessages(conversationId);
}

/** A new message, with the versions that it is one of; one that was there keeps what is known of it. */
function asVersion(turn: LiveTurn, message: Message): Message {
	const old = turn.replaces;
	if (old && old.role === message.role) return { ...message, versions: [...(old.versions ?? [old.id]), message.id] };
	const known = cachedMessages(turn.conversationId).find((m) => m.id === message.id);
	return known ? { ...message, versions: known.versions, verdict: known.verdict, beside: joined(known.beside, message.beside) } : message;
}

/** The server keeps the answer, not the thoughts: they stay for as long as the page does. */
function withReasoning(message: Message, key: string): Message {
	const reasoning = useRuntime.getState().turns[key]?.reasoning;
	return reasoning ? { ...message, reasoning } : message;
}

/** It did not begin, or the connection is gone for good. */
async function abandon(turn: LiveTurn, error: unknown, own: Running): Promise<boolean> {
	const { change, drop, turns } = useRuntime.getState();
	const now = turns[turn.key] ?? turn;
	if (isAbort(error)) {
		drop(turn.key);
		return true;
	}
	if (now.taskId !== null && !(error instanceof ApiError && error.status === 404)) {
		change(turn.key, { phase: "lost" });
		reportLost(turn.conversationId);
		return true;
	}
	// The server may have kept the question (402) or know the end (404): look.
	await refreshMessages(turn.conversationId);
	if (now.taskId !== null) useTasks.getState().failTask(now.taskId);
	drop(turn.key);
	const kept = error instanceof ApiError ? keptByServer(error, turn.conversationId) : null;
	// What was kept says in its place why it was not answered.
	if (own.refused) own.refused(error, kept);
	else if (!kept || useConversation.getState().activeId !== turn.conversationId) reportRefused(error);
	// The question may have given the conversation its title.
	if (kept) await refreshConversation(turn.conversationId).catch(() => undefined);
	return kept !== null;
}

function keptByServer(error: ApiError, conversationId: string): Message | null {
	const kept = error.details.assistant_message as Message | undefined;
	if (kept) upsertMessages(conversationId, { ...kept, error_message: explain(error).detail ?? kept.error_message });
	return kept ?? null;
}

export type { TurnEvent };
