import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { Conversation } from "@/api/types";
import { explain } from "@/lib/explain";
import { useDeleteConversation } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { toast, useNotifications } from "@/stores/notices";
import { Confirm } from "../ui/Dialog";

export default function DeleteConfirmModal({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
	const { mutate, isPending } = useDeleteConversation();
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const confirm = () =>
		mutate(conversation.id, {
			onSuccess: () => {
				useNotifications.getState().forgetConversation(conversation.id);
				if (useConversation.getState().activeId === conversation.id) navigate("/");
			},
			onError: (e) => toast("danger", explain(e).text),
			onSettled: onClose,
		});
	return (
		<Confirm
			title={t("sidebar.delete_title")}
			text={t("sidebar.delete_text", { title: conversation.title || t("chat.untitled") })}
			action={t("common.delete")}
			busy={isPending}
			onConfirm={confirm}
			onClose={onClose}
		/>
	);
}
