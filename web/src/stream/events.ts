/*
 * GET /api/events for as long as somebody is signed in: tasks, balance and
 * changes made elsewhere. The stream ends by design now and then (token, reload
 * of the server); whatever may have been missed is looked up again.
 */
import { send } from "@/api/client";
import { ApiError, isAbort } from "@/api/errors";
import { events } from "@/api/sse";
import type { TaskStatus, UserEvent } from "@/api/types";
import { tasks as tasksApi } from "@/api/weir";
import { hearTabs } from "@/lib/tabs";
import { setBalance } from "@/queries/account";
import { keys, queryClient } from "@/queries/client";
import { forgetConversation, refreshConversations } from "@/queries/conversations";
import { refreshMessages } from "@/queries/messages";
import { useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { isLive, useTasks } from "@/stores/tasks";
import { backoff, delay } from "./read";
import { notifyEnd } from "./report";
import { isOurs } from "./turns";

/** Follows events until `signal` says otherwise. */
export async function followEvents(signal: AbortSignal): Promise<void> {
	const deaf = hearTabs((word) => {
		if (word.type === "conversation") onConversation(word.id);
		else void refreshMessages(word.conversationId);
	});
	let attempt = 0;
	let first = true;
	try {
		while (!signal.aborted) {
			let pause = delay(attempt);
			try {
				const response = await send("/api/events", { signal });
				await resync(!first);
				first = false;
				attempt = 0;
				for await (const { data } of events(response.body!)) receive(data);
				pause = delay(0);
			} catch (e) {
				if (isAbort(e) && signal.aborted) return;
				if (e instanceof ApiError && e.status === 401) return;
				if (e instanceof ApiError && e.retryAfter !== null) pause = e.retryAfter * 1000;
			}
			attempt = Math.min(attempt + 1, 6);
			await backoff(pause, signal);
		}
	} catch (e) {
		if (!isAbort(e)) throw e;
	} finally {
		deaf();
	}
}

function receive(data: string) {
	let event: UserEvent;
	try {
		event = JSON.parse(data) as UserEvent;
	} catch {
		return;
	}
	apply(event);
}

export function apply(event: UserEvent) {
	switch (event.type) {
		case "task":
			return onTask(event.data);
		case "balance":
			setBalance(event.data.balance, event.data.held);
			void queryClient.invalidateQueries({ queryKey: keys.history });
			void queryClient.invalidateQueries({ queryKey: keys.holds });
			return;
		case "conversation":
			return onConversation(event.data.id, event.data.action);
		case "message":
			if (event.data.conversation_id) void refreshMessages(event.data.conversation_id);
			return;
		case "notification":
			toast("info", event.data.title ?? event.data.text ?? "", { detail: event.data.title ? event.data.text : undefined });
			return;
		case "resync":
			void resync(true);
	}
}

function onTask({ id, status, conversation_id, progress }: Extract<UserEvent, { type: "task" }>["data"]) {
	const store = useTasks.getState();
	const mine = isOurs(id, conversation_id ?? null);
	if (isLive(status as TaskStatus)) {
		store.startTask(id, conversation_id ?? null);
		if (progress !== undefined) store.updateTaskProgress(id, progress);
		// Begun in another tab: its messages appear here, and the page joins its stream.
		if (!mine && conversation_id) void refreshMessages(conversation_id);
		return;
	}
	if (status === "failed") store.failTask(id);
	else store.completeTask(id);
	if (mine || !conversation_id) return;
	void refreshMessages(conversation_id);
	void refreshConversations();
	const seen = useConversation.getState().activeId === conversation_id;
	if (!seen && status !== "cancelled") notifyEnd(id, conversation_id, status === "failed");
}

function onConversation(id?: string, action?: string) {
	if (id && action === "deleted") forgetConversation(id);
	void refreshConversations();
	if (id) void queryClient.invalidateQueries({ queryKey: keys.conversation(id) });
}

/** What runs now, by the server's word; and, after a gap, everything that may have changed. */
async function resync(gap: boolean) {
	try {
		const { items } = await tasksApi.active();
		useTasks.getState().mergeTasks(items);
	} catch {
		// the next event or send tells
	}
	if (!gap) return;
	void queryClient.invalidateQueries({ queryKey: keys.me });
	void refreshConversations();
	const { activeId } = useConversation.getState();
	if (activeId) void refreshMessages(activeId);
}
