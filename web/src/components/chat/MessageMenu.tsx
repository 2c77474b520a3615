import { Share2, ThumbsDown, ThumbsUp, Trash, Volume2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { copyText } from "@/lib/clipboard";
import { explain } from "@/lib/explain";
import { canSpeak, toggleSpeech } from "@/lib/speech";
import { useVoices } from "@/queries/account";
import { toast } from "@/stores/notices";
import { MenuItem, Popover } from "../ui/Menu";
import type { ActionProps } from "./MessageActions";

interface Props extends Pick<ActionProps, "message" | "busy" | "onJudge" | "onDelete"> {
	anchor: HTMLElement;
	onClose: () => void;
}

/** What is done less often with an answer. */
export function MessageMenu({ anchor, message, busy, onJudge, onDelete, onClose }: Props) {
	const { speaks } = useVoices();
	const { t } = useTranslation();
	const other = message.verdict === "down" ? "up" : "down";
	const go = (then: () => void) => () => {
		onClose();
		then();
	};
	const share = async () => {
		if (navigator.share) {
			await navigator.share({ text: message.content }).catch(() => undefined);
			return;
		}
		if (await copyText(message.content)) toast("ok", t("chat.shared"));
	};
	return (
		<Popover anchor={anchor} label={t("chat.more")} onClose={onClose} className="w-56">
			{message.content !== "" && (
				<>
					<MenuItem icon={other === "up" ? <ThumbsUp size={16} /> : <ThumbsDown size={16} />} onSelect={go(() => onJudge(message, other))}>
						{t(other === "up" ? "chat.good" : "chat.bad")}
					</MenuItem>
					{canSpeak(speaks) && (
						<MenuItem icon={<Volume2 size={16} />} onSelect={go(() => toggleSpeech(message.id, message.content, speaks, (e) => toast("danger", explain(e).text)))}>
							{t("chat.read_aloud")}
						</MenuItem>
					)}
					<MenuItem icon={<Share2 size={16} />} onSelect={go(() => void share())}>
						{t("chat.share")}
					</MenuItem>
				</>
			)}
			<MenuItem icon={<Trash size={16} />} danger disabled={busy} onSelect={go(() => onDelete(message))}>
				{t("chat.delete_message")}
			</MenuItem>
		</Popover>
	);
}
