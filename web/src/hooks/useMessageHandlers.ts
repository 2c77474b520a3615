import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { ApiError } from "@/api/errors";
import type { Attachment } from "@/api/types";
import { conversations } from "@/api/weir";
import { tellTabs } from "@/lib/tabs";
import { keys, queryClient } from "@/queries/client";
import { changeConversation } from "@/queries/conversations";
import { forgetMessage } from "@/queries/messages";
import { NEW, useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { canStartTask } from "@/stores/tasks";
import { reportRefused } from "@/stream/report";
import { sendMessage, stopTurns } from "@/stream/turns";

/** Sending, stopping and deleting in the conversation on the screen. */
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
				reportRefused(e, "");
				return;
			}
			if (conversationId === null) navigate(`/c/${id}`);
			const kept = await sendMessage(id, { content, model, attachments });
			// Refused: the words go back to where they can be sent again.
			if (!kept && !useConversation.getState().drafts[id]?.text) store.setDraft(id, draft);
		},
		[conversationId, model, navigate, t],
	);

	const stop = useCallback(() => {
		if (conversationId) stopTurns(conversationId);
	}, [conversationId]);

	const remove = useCallback(
		async (messageId: string) => {
			if (!conversationId) return;
			await conversations.removeMessage(conversationId, messageId);
			forgetMessage(conversationId, messageId);
			tellTabs({ type: "message", conversationId });
		},
		[conversationId],
	);
	return { send, stop, remove };
}

/** A new conversation; or the one that was begun with this agent a moment ago. */
export async function beginConversation(model: string | null, agentId: string | null, chosen: ReturnType<typeof useConversation.getState>["knowledge"]): Promise<string> {
	const knowledge = chosen && { knowledge_ids: chosen.ids, knowledge_mode: chosen.mode };
	try {
		const made = await conversations.create({
			...(agentId && { agent_id: agentId }),
			...(model && !agentId && { model }),
			...knowledge,
		});
		useConversation.getState().addFresh(made);
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
