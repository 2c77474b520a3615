import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { isMaker } from "@/queries/account";
import { toast } from "@/stores/notices";
import { turnsOf, useRuntime } from "@/stores/runtime";
import { canStartTask } from "@/stores/tasks";
import { regenerateMessage } from "@/stream/turns";

/** Answering again. What is needed is read when the button is pressed, not when it was drawn. */
export function useRegenerateHandlers(conversationId: string | null, model: string | null) {
	const { t } = useTranslation();
	return useCallback(
		(message: Message) => {
			if (!conversationId || turnsOf(useRuntime.getState().turns, conversationId).length > 0) return;
			const decision = canStartTask(conversationId);
			if (!decision.allowed) {
				toast("warn", t(`errors.${decision.reason!}`));
				return;
			}
			if (isMaker(message.model)) void import("@/stream/make").then(({ makeAgain }) => makeAgain(conversationId, message));
			else void regenerateMessage(conversationId, message, model);
		},
		[conversationId, model, t],
	);
}
