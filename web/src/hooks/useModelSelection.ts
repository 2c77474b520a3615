import { useCallback } from "react";
import type { Conversation } from "@/api/types";
import { conversations } from "@/api/weir";
import { modelNamed, useAgents, useModels } from "@/queries/account";
import { useAssistant } from "@/queries/assistants";
import { changeConversation } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { useSettings } from "@/stores/settings";
import { reportRefused } from "@/stream/report";

/**
 * The model that will answer: the conversation's own, its agent's or assistant's, the one last
 * chosen on this device, or the server's default, in this order.
 */
export function useModelSelection(conversation: Conversation | undefined) {
	const { models, isLoading } = useModels();
	const agents = useAgents();
	const draftAgent = useConversation((s) => s.agentId);
	const draftAssistant = useConversation((s) => s.assistant);
	const overrides = useConversation((s) => s.overrides);
	const { data: assistant, isLoading: isLooking } = useAssistant(conversation?.assistant_gone ? null : conversation?.assistant_id);
	const saved = useSettings((s) => s.model);
	const change = useSettings((s) => s.change);

	const agentId = conversation ? conversation.agent_id : draftAgent;
	const agentModel = (conversation ? assistant : draftAssistant)?.model ?? agents.find((a) => a.id === agentId)?.model;
	const own = modelNamed(models, conversation ? conversation.model : overrides?.model);
	// Not before it is known whom the assistant asks.
	const usual = () =>
		modelNamed(models, agentModel) ??
		modelNamed(models, saved) ??
		models.find((m) => m.is_default) ??
		models[0];
	const model = own ?? (isLooking ? undefined : usual());

	const id = conversation?.id;
	const select = useCallback(
		(name: string) => {
			change({ model: name });
			if (!id) {
				// Otherwise the agent's would hold.
				const { agentId: agent, assistant: speaker, overrides: set, setOverrides } = useConversation.getState();
				if (agent || speaker) setOverrides({ ...set, model: name });
				return;
			}
			changeConversation(id, { model: name });
			conversations.patch(id, { model: name }).catch((e) => reportRefused(e));
		},
		[id, change],
	);
	return { models, model, isLoading, select };
}
