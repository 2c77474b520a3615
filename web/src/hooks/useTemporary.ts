import { useEffect } from "react";
import type { Conversation } from "@/api/types";
import { conversations } from "@/api/weir";
import { keys, queryClient } from "@/queries/client";
import { forgetConversation } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";

/** Ids that are not shown any more: for a moment they may be again, as when a component is mounted anew. */
const leaving = new Map<string, ReturnType<typeof setTimeout>>();
const LEAVE_MS = 500;

function end(id: string, keepalive: boolean) {
	clearTimeout(leaving.get(id));
	leaving.delete(id);
	// What fails is removed by the server in time.
	conversations.arrange([id], "delete", { keepalive }).catch(() => undefined);
	useConversation.getState().setDraft(id, { text: "", attachments: [], make: undefined });
	forgetConversation(id);
}

/** A temporary conversation is deleted when it is not on the screen any more, or the page is left. */
export function useTemporary(conversation: Conversation | undefined) {
	const id = conversation?.temporary_until ? conversation.id : null;
	const setTemporary = useConversation((s) => s.setTemporary);
	useEffect(() => {
		if (id === null) return;
		clearTimeout(leaving.get(id));
		leaving.delete(id);
		setTemporary(false); // the next one is asked about anew
		let over = false;
		const left = () => {
			if (!over) end(id, true);
			over = true;
		};
		addEventListener("pagehide", left);
		return () => {
			removeEventListener("pagehide", left);
			// One that was kept meanwhile is not temporary any more.
			if (!over && isTemporary(id)) leaving.set(id, setTimeout(() => end(id, false), LEAVE_MS));
		};
	}, [id, setTemporary]);
}

function isTemporary(id: string) {
	return queryClient.getQueryData<Conversation>(keys.conversation(id))?.temporary_until != null;
}
