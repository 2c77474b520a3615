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
import { t } from "@/i18n";
import { keys, queryClient } from "@/queries/client";
import { forgetConversation, refreshConversations } from "@/queries/conversations";
import { refreshMessages } from "@/queries/messages";
import { useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { getActiveTaskCount, isLive, useTasks } from "@/stores/tasks";
import { backoff, delay } from "./read";
import { notifyEnd } from "./report";
import { isOurs } from "./turns";

const LOCK = "weir.events";
const LOOK_EVERY_MS = 5000;
const shared = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(LOCK);

/**
 * Follows events until `signal` says otherwise. One tab of a browser listens to
 * the server and passes on what it hears: browsers open six connections to a
 * host that speaks HTTP/1.1, and a tab each would soon have taken them all.
 */
export async function followEvents(signal: AbortSignal): Promise<void> {
	const hear = (e: MessageEvent<UserEvent>) => apply(e.data);
	const deaf = hearTabs((word) => {
		if (word.type === "conversation") onConversation(word.id);
		else void refreshMessages(word.conversationId);
	});
	shared?.addEventListener("message", hear);
	try {
		void resync(false);
		// Web Locks exist in secure contexts only; elsewhere each tab listens.
		if (navigator.locks) await followAsLeader(signal);
		else await listen(signal, false);
	} catch (e) {
		if (!isAbort(e)) throw e;
	} finally {
		shared?.removeEventListener("message", hear);
		deaf();
	}
}

async function followAsLeader(signal: AbortSignal) {
	let waited = true;
	await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
		if (!lock) return;
		waited = false;
		await listen(signal, false);
	});
	// The tab that listened is gone: something may have been missed since.
	if (waited) await navigator.locks.request(LOCK, { signal }, () => listen(signal, true));
}

/** Reads events until the end, over as many connections as it takes. */
async function listen(signal: AbortSignal, missed: boolean) {
	let attempt = 0;
	while (!signal.aborted) {
		let pause = delay(attempt);
		try {
			const response = await send("/api/events", { signal });
			if (missed) receive({ type: "resync", data: {} });
			missed = true;
			attempt = 0;
			for await (const { data } of events(response.body!, { signal })) receive(parse(data));
			pause = delay(0);
		} catch (e) {
			if (isAbort(e) && signal.aborted) return;
			if (e instanceof ApiError && e.status === 401) return;
			// Nobody tells what becomes of the tasks: look, and soon again.
			await resync(false);
			if (getActiveTaskCount() > 0) pause = Math.min(pause, LOOK_EVERY_MS);
			if (e instanceof ApiError && e.retryAfter !== null) pause = e.retryAfter * 1000;
		}
		attempt = Math.min(attempt + 1, 6);
		await backoff(pause, signal);
	}
}

function receive(event: UserEvent | null) {
	if (!event) return;
	shared?.postMessage(event);
	apply(event);
}

function parse(data: string): UserEvent | null {
	try {
		return JSON.parse(data) as UserEvent;
	} catch {
		return null;
	}
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
		case "usage":
			return soon(keys.usage());
		case "knowledge":
			return soon(keys.knowledge, 1000);
		case "quota":
			toast("info", t("errors.budget_used", { percent: event.data.percent }), { detail: event.data.name ?? undefined });
			void queryClient.invalidateQueries({ queryKey: keys.quota });
			return;
		case "notification":
			toast("info", event.data.title ?? event.data.text ?? "", { detail: event.data.title ? event.data.text : undefined });
			return;
		case "resync":
			void resync(true);
	}
}

const waiting = new Set<string>();

/** Who looks at it sees it grow; at most every so often, however fast it does. */
function soon(queryKey: readonly [string, ...string[]], every_ms = 3000) {
	if (waiting.has(queryKey[0])) return;
	waiting.add(queryKey[0]);
	setTimeout(() => {
		waiting.delete(queryKey[0]);
		void queryClient.invalidateQueries({ queryKey });
	}, every_ms);
}

function onTask({ id, status, conversation_id, progress }: Extract<UserEvent, { type: "task" }>["data"]) {
	const store = useTasks.getState();
	const mine = isOurs(id, conversation_id ?? null);
	if (isLive(status as TaskStatus)) {
		const isKnown = id in store.active;
		store.startTask(id, conversation_id ?? null, progress !== undefined);
		if (progress !== undefined) store.updateTaskProgress(id, progress);
		// Begun in another tab: its messages appear here, and the page joins its stream.
		if (!mine && !isKnown && conversation_id) void refreshMessages(conversation_id);
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
	if (action === "arranged") void queryClient.invalidateQueries({ queryKey: keys.folders });
	if (id) void queryClient.invalidateQueries({ queryKey: keys.conversation(id) });
}

/** What runs now, by the server's word; and, after a gap, everything that may have changed. */
async function resync(gap: boolean) {
	try {
		const before = Object.values(useTasks.getState().active);
		const { items } = await tasksApi.active();
		useTasks.getState().mergeTasks(items);
		// What ended meanwhile has left its messages, wherever that was.
		for (const { id, conversationId } of before)
			if (conversationId && !items.some((t) => t.id === id)) void refreshMessages(conversationId);
	} catch {
		// the next event or send tells
	}
	if (!gap) return;
	void queryClient.invalidateQueries({ queryKey: keys.me });
	void refreshConversations();
	const { activeId } = useConversation.getState();
	if (activeId) void refreshMessages(activeId);
}
