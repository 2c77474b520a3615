import { useMutation } from "@tanstack/react-query";
import { BookOpen } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Base, knowledge } from "@/api/knowledge";
import type { Attachment } from "@/api/types";
import { conversations } from "@/api/weir";
import { useKnowledgeOf } from "@/hooks/useKnowledgeOf";
import { explain } from "@/lib/explain";
import { changeConversation } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { lookAgain } from "../knowledge/parts";
import { Dialog } from "../ui/Dialog";
import { nameOf } from "./FileChip";

interface Props {
	conversationId: string | null;
	file: Attachment;
	bases: Base[];
	onMoved: () => void;
	onClose: () => void;
}

/** The other choice for a document: into a base, which the conversation looks into from then on. */
export default function IntoBase({ conversationId, file, bases, onMoved, onClose }: Props) {
	const chosen = useKnowledgeOf(conversationId);
	const setKnowledge = useConversation((s) => s.setKnowledge);
	const { t } = useTranslation();
	const look = async (base: Base) => {
		if (chosen.ids.includes(base.id)) return;
		const next = { ...chosen, ids: [...chosen.ids, base.id], mode: chosen.mode === "off" ? ("auto" as const) : chosen.mode };
		if (conversationId === null) return setKnowledge(next);
		const json = { knowledge_ids: next.ids, knowledge_mode: next.mode };
		await conversations.patch(conversationId, json);
		changeConversation(conversationId, json);
	};
	const move = useMutation({
		mutationFn: async (base: Base) => {
			await knowledge.addJson(base.id, { upload_id: new URL(file.url).pathname.split("/").pop()!, filename: nameOf(file) });
			await look(base);
			return base;
		},
		onSuccess: (base) => {
			lookAgain();
			toast("ok", t("files.moved", { base: base.name }), { detail: nameOf(file) });
			onMoved();
		},
		onError: (e) => toast("danger", explain(e).text, { detail: explain(e).detail }),
	});
	return (
		<Dialog title={t("files.into_title")} onClose={onClose}>
			<p className="pb-4 text-sm text-soft">{t("files.into_hint")}</p>
			<ul className="flex max-h-72 flex-col overflow-y-auto rounded-xl border border-line">
				{bases.map((b) => (
					<li key={b.id} className="border-line not-first:border-t">
						<button type="button" disabled={move.isPending} onClick={() => move.mutate(b)} className="flex min-h-12 w-full items-center gap-3 px-4 py-2 text-start text-sm hover:bg-hover disabled:opacity-60">
							<BookOpen size={16} aria-hidden className="shrink-0 text-faint" />
							<span className="min-w-0 truncate">{b.name}</span>
						</button>
					</li>
				))}
			</ul>
		</Dialog>
	);
}
