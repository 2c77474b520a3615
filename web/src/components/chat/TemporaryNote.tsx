import { MessageCircleDashed } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "@/api/types";
import { arrange } from "@/queries/order";
import { useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { useSettings } from "@/stores/settings";
import { Button } from "../ui/Button";

/** Says what a temporary conversation is, and lets it be kept. */
export default function TemporaryNote({ conversation }: { conversation: Conversation | undefined }) {
	const setTemporary = useConversation((s) => s.setTemporary);
	const language = useSettings((s) => s.language);
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const until = conversation?.temporary_until;
	const keep = async () => {
		setBusy(true);
		if (await arrange([conversation!.id], "keep")) toast("ok", t("order.kept"));
		setBusy(false);
	};
	return (
		<div role="note" className="mx-auto w-full max-w-3xl px-3 sm:px-6">
			<div className="flex items-start gap-3 rounded-xl border border-dashed border-line-strong bg-surface py-2 ps-3.5 pe-2 text-sm text-soft">
				<MessageCircleDashed size={17} aria-hidden className="mt-1.5 shrink-0 text-faint" />
				<p className="min-w-0 grow py-1">
					<strong className="font-medium text-ink">{t("order.temporary_on")}</strong>
					{" · "}
					{until
						? t("order.temporary_text", { until: new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(until)) })
						: t("order.temporary_soon")}
				</p>
				{until ? (
					<Button small busy={busy} onClick={() => void keep()}>
						{t("order.keep")}
					</Button>
				) : (
					<Button small look="ghost" onClick={() => setTemporary(false)}>
						{t("order.temporary_off")}
					</Button>
				)}
			</div>
		</div>
	);
}
