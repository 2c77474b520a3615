import type { KnowledgeMode } from "@/api/types";
import { useAgents } from "@/queries/account";
import { useConversationById } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";

/** The bases a conversation looks into: its own, or its agent's; of one that is not begun, those chosen for it. */
export function useKnowledgeOf(id: string | null): { ids: string[]; mode: KnowledgeMode } {
	const { data: c } = useConversationById(id);
	const draft = useConversation((s) => s.knowledge);
	const draftAgent = useConversation((s) => s.agentId);
	const agents = useAgents();
	const agent = agents.find((a) => a.id === (id === null ? draftAgent : c?.agent_id));
	if (id === null && draft) return draft;
	return { ids: c?.knowledge_ids ?? agent?.knowledge_ids ?? [], mode: c?.knowledge_mode ?? agent?.knowledge_mode ?? "auto" };
}
