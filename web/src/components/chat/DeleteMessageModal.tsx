import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { explain } from "@/lib/explain";
import { toast } from "@/stores/notices";
import { Confirm } from "../ui/Dialog";

export default function DeleteMessageModal({ message, onDelete, onClose }: { message: Message; onDelete: (id: string) => Promise<void>; onClose: () => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const confirm = async () => {
		setBusy(true);
		try {
			await onDelete(message.id);
		} catch (e) {
			toast("danger", explain(e).text);
		}
		onClose();
	};
	return (
		<Confirm
			title={t("chat.delete_message")}
			text={t("chat.delete_message_text")}
			action={t("common.delete")}
			busy={busy}
			onConfirm={() => void confirm()}
			onClose={onClose}
		/>
	);
}
