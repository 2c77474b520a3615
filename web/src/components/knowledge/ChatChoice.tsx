import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { conversations } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { useKnowledgeOf } from "@/hooks/useKnowledgeOf";
import { changeConversation } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { reportRefused } from "@/stream/report";
import { BaseChoice, type Chosen } from "./BaseChoice";

/** Which bases a conversation looks into, saved as it is changed; of a new one it is kept until it begins. */
export default function ChatChoice({ conversationId, onClose }: { conversationId: string | null; onClose: () => void }) {
	const chosen = useKnowledgeOf(conversationId);
	const setKnowledge = useConversation((s) => s.setKnowledge);
	const { t } = useTranslation();
	const change = (next: Chosen) => {
		if (conversationId === null) return setKnowledge(next.ids.length > 0 ? next : null);
		// What its agent says of it holds until it is touched.
		const json = next.rewrite === chosen.rewrite ? { knowledge_ids: next.ids, knowledge_mode: next.mode } : { knowledge_rewrite: next.rewrite };
		changeConversation(conversationId, json);
		conversations.patch(conversationId, json).catch((e) => {
			changeConversation(conversationId, { knowledge_ids: chosen.ids, knowledge_mode: chosen.mode, knowledge_rewrite: chosen.rewrite });
			reportRefused(e);
		});
	};
	return (
		<Dialog title={t("knowledge.title")} onClose={onClose}>
			<p className="pb-4 text-sm text-soft">{t("knowledge.chat_hint")}</p>
			<BaseChoice chosen={chosen} onChange={change} />
			<div className="flex items-center justify-between gap-3 pt-5">
				<Link href="/knowledge" className="rounded py-2 text-sm text-accent hover:underline">
					{t("knowledge.manage")}
				</Link>
				<Button look="solid" onClick={onClose}>
					{t("knowledge.done")}
				</Button>
			</div>
		</Dialog>
	);
}
