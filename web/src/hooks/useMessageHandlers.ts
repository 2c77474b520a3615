import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { ApiError } from "@/api/errors";
import type { Attachment, Message } from "@/api/types";
import { conversations } from "@/api/weir";
import { explain } from "@/lib/explain";
import { tellTabs } from "@/lib/tabs";
import { keys, queryClient } from "@/queries/client";
import { changeConversation } from "@/queries/conversations";
import { refreshMessages, upsertMessages } from "@/queries/messages";
import { othersOf, useCompare } from "@/stores/compare";
import { NEW, useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { canStartTask } from "@/stores/tasks";
import { reportRefused } from "@/stream/report";
import { type Question, sendMessage, stopTurns } from "@/stream/turns";

/** What is done to messages in the conversation on the screen. */
export function useMessageHandlers(conversationId: string | null, model: string | null) {
	const [, navigate] = useLocation();
	const { t } = useTranslation();

	const send = useCallback(
		async (content: string, attachments: Attachment[]) => {
			const decision = canStartTask(conversationId);
			if (!decision.allowed) {
				toast("warn", t(`errors.${decision.reason!}`));
				return;
			}
			const store = useConversation.getState();
			const draft = { text: content, attachments };
			const clear = (id: string) => store.setDraft(id, { text: "", attachments: [] });
			clear(conversationId ?? NEW);
			let id = conversationId;
			try {
				id ??= await beginConversation(model, store.agentId, store.knowledge);
			} catch (e) {
				store.setDraft(NEW, draft);
				reportRefused(e);
				return;
			}
			const others = othersOf(useCompare.getState().chosen, conversationId ?? NEW, model);
			if (conversationId === null) {
				useCompare.getState().choose(NEW, []);
				useCompare.getState().choose(id, others);
				navigate(`/c/${id}`);
			}
			const kept = await ask(id, { content, model, attachments }, others);
			// Refused: the words go back to where they can be sent again.
			if (!kept && !useConversation.getState().drafts[id]?.text) store.setDraft(id, draft);
		},
		[conversationId, model, navigate, t],
	);

	const stop = useCallback(() => {
		if (conversationId) stopTurns(conversationId);
	}, [conversationId]);

	/** Asks again in other words; the old ones, and what followed, stay as another version. */
	const edit = useCallback(
		(message: Message, content: string) => {
			if (!conversationId) return;
			const decision = canStartTask(conversationId);
			if (decision.allowed) void ask(conversationId, { content, model, attachments: message.attachments }, othersOf(useCompare.getState().chosen, conversationId, model), message);
			else toast("warn", t(`errors.${decision.reason!}`));
		},
		[conversationId, model, t],
	);

	/** Something about the messages changes on the server; then here, and in the other tabs. */
	const change = useCallback(
		async (act: (id: string) => Promise<void>) => {
			if (!conversationId) return;
			await act(conversationId);
			await refreshMessages(conversationId);
			tellTabs({ type: "message", conversationId });
		},
		[conversationId],
	);
	const remove = useCallback(
		(messageId: string, below: boolean) => change((id) => conversations.removeMessage(id, messageId, below)),
		[change],
	);
	const show = useCallback(
		(messageId: string) =>
			change((id) => conversations.showVersion(id, messageId)).catch((e) => {
				toast("danger", explain(e).text);
			}),
		[change],
	);
	const judge = useCallback(
		(message: Message, verdict: "up" | "down") => {
			const next = message.verdict === verdict ? null : verdict;
			if (!conversationId) return;
			upsertMessages(conversationId, { ...message, verdict: next });
			conversations.judge(conversationId, message.id, next ?? "none").catch((e) => {
				upsertMessages(conversationId, message);
				toast("danger", explain(e).text);
			});
		},
		[conversationId],
	);
	return { send, stop, edit, remove, show, judge };
}

/** Of one model, or of several at once. */
async function ask(id: string, question: Question, others: string[], instead: Message | null = null): Promise<boolean> {
	if (others.length === 0) return sendMessage(id, question, instead);
	const { askSeveral } = await import("@/stream/compare");
	return askSeveral(id, question, others, instead);
}

/** A new conversation; or the one that was begun with this agent a moment ago. */
export async function beginConversation(model: string | null, agentId: string | null, chosen: ReturnType<typeof useConversation.getState>["knowledge"]): Promise<string> {
	const { assistant, overrides, temporary, toolServers } = useConversation.getState();
	const { model: chosenModel, ...settings } = overrides ?? {};
	const asked = chosenModel ?? (agentId || assistant ? null : model);
	const knowledge = chosen && { knowledge_ids: chosen.ids, knowledge_mode: chosen.mode, ...(chosen.rewrite && { knowledge_rewrite: true }) };
	try {
		const made = await conversations.create({
			...(agentId && { agent_id: agentId }),
			...(assistant && { assistant_id: assistant.id }),
			...(asked && { model: asked }),
			...settings,
			...knowledge,
			...(toolServers.length > 0 && { tool_servers: toolServers }),
			...(temporary && { temporary }),
		});
		if (!temporary) useConversation.getState().addFresh(made);
		useConversation.getState().setOverrides(null);
		useConversation.getState().setToolServers([]);
		queryClient.setQueryData(keys.conversation(made.id), made);
		return made.id;
	} catch (e) {
		const existing = e instanceof ApiError && e.code === "duplicate_conversation" && e.details.conversation_id;
		if (typeof existing === "string") {
			if (knowledge) changeConversation(existing, await conversations.patch(existing, knowledge));
			return existing;
		}
		throw e;
	}
}
