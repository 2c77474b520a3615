import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { IconButton } from "../ui/Button";

/** ‹ 2/3 ›: the versions of a question or an answer, where there are several. */
export function Versions({ message, busy, onShow }: { message: Message; busy: boolean; onShow: (id: string) => Promise<void> }) {
	const [going, setGoing] = useState(false);
	const { t } = useTranslation();
	const ids = message.versions ?? [];
	const at = ids.indexOf(message.id);
	if (ids.length < 2 || at < 0) return null;
	const go = (to: number) => () => {
		setGoing(true);
		void onShow(ids[to]!).finally(() => setGoing(false));
	};
	return (
		<div role="group" aria-label={t("chat.versions")} className="-ms-2 flex items-center tabular-nums">
			<IconButton small label={t("chat.version_before")} disabled={busy || going || at === 0} onClick={go(at - 1)}>
				<ChevronLeft size={15} />
			</IconButton>
			<span aria-live="polite">
				{at + 1}/{ids.length}
			</span>
			<IconButton small label={t("chat.version_after")} disabled={busy || going || at === ids.length - 1} onClick={go(at + 1)}>
				<ChevronRight size={15} />
			</IconButton>
		</div>
	);
}
