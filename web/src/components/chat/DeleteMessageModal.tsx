import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { explain } from "@/lib/explain";
import { toast } from "@/stores/notices";
import { Confirm } from "../ui/Dialog";

interface Props {
	message: Message;
	/** Nothing follows it. */
	last: boolean;
	onDelete: (id: string, below: boolean) => Promise<void>;
	onClose: () => void;
}

export default function DeleteMessageModal({ message, last, onDelete, onClose }: Props) {
	const [busy, setBusy] = useState(false);
	const [below, setBelow] = useState(false);
	const { t } = useTranslation();
	const isVersion = (message.versions?.length ?? 1) > 1;
	const confirm = async () => {
		setBusy(true);
		try {
			await onDelete(message.id, below);
		} catch (e) {
			toast("danger", explain(e).text);
		}
		onClose();
	};
	const what = isVersion ? "chat.delete_version_text" : message.role === "user" ? "chat.delete_question_text" : "chat.delete_message_text";
	return (
		<Confirm title={t("chat.delete_message")} text={t(what)} action={t("common.delete")} busy={busy} onConfirm={() => void confirm()} onClose={onClose}>
			{!isVersion && !last && (
				<label className="mt-4 flex items-center gap-2 text-sm">
					<input type="checkbox" checked={below} onChange={(e) => setBelow(e.target.checked)} className="size-4 accent-accent" />
					{t("chat.delete_below")}
				</label>
			)}
		</Confirm>
	);
}
