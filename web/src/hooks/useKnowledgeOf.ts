import type { Chosen } from "@/components/knowledge/BaseChoice";
import { useConversationById } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";

/** The bases chosen for a conversation, or for one that is not begun. Without a choice its agent's are used, which the server knows. */
export function useKnowledgeOf(id: string | null): Chosen {
	const { data: c } = useConversationById(id);
	const draft = useConversation((s) => s.knowledge);
	if (id === null && draft) return draft;
	return { ids: c?.knowledge_ids ?? [], mode: c?.knowledge_mode ?? "auto", rewrite: c?.knowledge_rewrite ?? false };
}
