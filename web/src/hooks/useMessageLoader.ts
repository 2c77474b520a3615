import { useEffect, useMemo } from "react";
import { useShallow } from "zustand/react/shallow";
import { modelNamed, useModels } from "@/queries/account";
import { useMessages } from "@/queries/messages";
import { overlay, turnsOf, useRuntime } from "@/stores/runtime";
import { followTask, isOurs } from "@/stream/turns";

/**
 * The messages of a conversation: what the server has (cached), with the answers
 * that are being written laid over it. An answer that runs somewhere else, or ran
 * when this page was opened, is joined.
 */
export function useMessageLoader(conversationId: string | null) {
	const query = useMessages(conversationId);
	const live = useRuntime(useShallow((s) => turnsOf(s.turns, conversationId)));
	const messages = useMemo(() => overlay(query.messages, live), [query.messages, live]);

	// Of what is made the message shows how far it is, by itself.
	const { makers, isLoading } = useModels();
	useEffect(() => {
		if (conversationId === null || query.isFetching || isLoading) return;
		for (const shown of query.messages)
			for (const m of [shown, ...(shown.beside ?? [])]) {
				const running = m.status === "processing" || m.status === "pending";
				if (m.role === "assistant" && running && m.task_id && !isOurs(m.task_id, conversationId) && !modelNamed(makers, m.model))
					void followTask(conversationId, m.task_id, m, m === shown ? null : shown.id);
			}
	}, [conversationId, query.messages, query.isFetching, isLoading]);
	return { ...query, messages, live };
}
