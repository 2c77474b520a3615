import { useConversationById } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";

const NONE: string[] = [];

/** The servers of tools chosen for a conversation, or for one that is not begun. Without a choice its agent's are used, which the server knows. */
export function useToolsOf(id: string | null): string[] {
	const { data: c } = useConversationById(id);
	const draft = useConversation((s) => s.toolServers);
	return id === null ? draft : (c?.tool_servers ?? NONE);
}
