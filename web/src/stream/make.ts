/*
 * Pictures and films of a conversation: asked for, asked again, taken up as what the next is made
 * of. The server carries them; what this page knows of one it learns from its task.
 */
import { navigate } from "wouter/use-browser-location";
import { isTransient } from "@/api/errors";
import { making } from "@/api/making";
import type { Attachment, Message, Model } from "@/api/types";
import { tasks as tasksApi } from "@/api/weir";
import { beginConversation } from "@/hooks/useMessageHandlers";
import { t } from "@/i18n";
import { newId } from "@/lib/ids";
import { askedOf, bodyOf, type Make, makerFor, makersOf, type Op, withModel } from "@/lib/making";
import { refreshConversation, refreshConversations } from "@/queries/conversations";
import { keys, queryClient } from "@/queries/client";
import { refreshMessages } from "@/queries/messages";
import { draftOf, NEW, useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { createStreamingMessage, createTempMessage, useRuntime } from "@/stores/runtime";
import { canStartTask, useTasks } from "@/stores/tasks";
import { reportRefused } from "./report";

const TRIES = 4;
const PAUSE_MS = 700;

/** Has made what the draft of this conversation says. */
export async function sendMake(conversationId: string | null, chatModel: string | null): Promise<void> {
	const { drafts, setDraft, agentId, knowledge } = useConversation.getState();
	const { text, attachments, make } = draftOf(drafts, conversationId);
	if (!make || !mayStart(conversationId)) return;
	const next = { text: "", attachments: [], make: { ...make, shots: make.shots && make.shots.map((s) => ({ ...s, scene: "" })) } };
	setDraft(conversationId ?? NEW, conversationId === null ? { text: "", attachments: [], make: undefined } : next);
	let id = conversationId;
	try {
		id ??= await beginConversation(chatModel, agentId, knowledge);
	} catch (e) {
		setDraft(NEW, { text, attachments, make });
		reportRefused(e);
		return;
	}
	if (conversationId === null) {
		setDraft(id, next);
		navigate(`/c/${id}`);
	}
	const words = text.trim() || (make.shots ?? []).map((s) => s.scene).join("\n");
	const taken = await ask(id, make.op, bodyOf(make, text, attachments), make.model, words, attachments);
	// Refused: the words go back to where they can be sent again.
	if (!taken && !useConversation.getState().drafts[id]?.text) setDraft(id, { text, attachments, make });
}

/** The same once more, as a new task. */
export async function makeAgain(conversationId: string, message: Message): Promise<void> {
	if (!message.task_id || !mayStart(conversationId)) return;
	try {
		const asked = askedOf(await making.get(message.task_id));
		if (!asked) return void toast("warn", t("errors.unknown"));
		const words = typeof asked.body.prompt === "string" ? asked.body.prompt : "";
		await ask(conversationId, asked.op, asked.body, message.model, words, []);
	} catch (e) {
		reportRefused(e);
	}
}

/** The picture goes to the composer, to make something of it. */
export function takePicture(url: string, op: Op): void {
	const { activeId, drafts, setDraft } = useConversation.getState();
	const models = queryClient.getQueryData<{ items: Model[] }>(keys.models)?.items ?? [];
	const before = draftOf(drafts, activeId).make;
	const model = makerFor(op, makersOf(models), before?.model);
	if (!model) return;
	const make: Make = withModel({ ...before, op, model: model.name, shots: undefined }, model, 1);
	setDraft(activeId ?? NEW, { make, attachments: [{ type: "image", url: new URL(url, location.href).href }] });
	document.querySelector<HTMLTextAreaElement>("main textarea")?.focus();
}

/** What stopping it would cost now: null when nobody knows. */
export async function costOfStopping(taskId: string): Promise<{ cost: number; live: boolean } | null> {
	try {
		const task = await making.get(taskId);
		const live = task.status === "pending" || task.status === "running";
		return { cost: task.status === "running" ? task.credits_locked : 0, live };
	} catch {
		return null;
	}
}

export async function stopMaking(taskId: string, conversationId: string | null): Promise<void> {
	try {
		await tasksApi.abort(taskId);
	} catch (e) {
		reportRefused(e);
	}
	if (conversationId) void refreshMessages(conversationId);
}

function mayStart(conversationId: string | null): boolean {
	const decision = canStartTask(conversationId);
	if (!decision.allowed) toast("warn", t(`errors.${decision.reason!}`));
	return decision.allowed;
}

/** Asked once, however often the line breaks; stand-ins until the server's own messages are here. */
async function ask(id: string, op: Op, body: Record<string, unknown>, model: string | null, words: string, attachments: Attachment[]): Promise<boolean> {
	const key = newId();
	const { put, drop } = useRuntime.getState();
	put({
		key,
		conversationId: id,
		kind: "send",
		phase: "asking",
		taskId: null,
		assistantId: null,
		question: createTempMessage(id, words, attachments),
		questionId: null,
		replaces: null,
		beside: null,
		answer: createStreamingMessage(id, model),
		text: "",
		reasoning: "",
		startedAt: Date.now(),
	});
	try {
		const { task } = await made(op, { ...body, conversation_id: id }, key);
		useTasks.getState().startTask(task.id, id, true);
		await refreshMessages(id);
		void refreshConversation(id).catch(() => undefined);
		void refreshConversations();
		return true;
	} catch (e) {
		reportRefused(e);
		return false;
	} finally {
		drop(key);
	}
}

/** A new try after a cut line asks for the same, by its key. */
async function made(op: Op, json: unknown, key: string) {
	for (let tries = 1; ; tries++)
		try {
			return await making.make(op, json, key);
		} catch (e) {
			if (tries === TRIES || !isTransient(e)) throw e;
			await new Promise((go) => setTimeout(go, PAUSE_MS * tries));
		}
}
