import { CircleAlert, RefreshCw, Wallet } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { Message } from "@/api/types";
import { Button } from "../ui/Button";

/** Why there is no (whole) answer, and what can be done. */
export function MessageError({ message, busy, onRegenerate }: { message: Message; busy: boolean; onRegenerate: (message: Message) => void }) {
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const isCredits = message.status === "insufficient_balance";
	const reason = message.error_message && message.error_message !== message.error_display ? message.error_message : null;
	return (
		<div role="alert" className="mt-2 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-xl bg-danger-tint px-4 py-3 text-sm">
			<CircleAlert size={17} aria-hidden className="shrink-0 text-danger" />
			<div className="min-w-40 grow basis-0">
				<p className="text-ink">{message.error_display ?? t("errors.unknown")}</p>
				{reason && <p className="mt-0.5 text-xs text-soft">{reason}</p>}
			</div>
			<div className="flex gap-2">
				{isCredits && (
					<Button small icon={<Wallet size={15} aria-hidden />} onClick={() => navigate("/settings/balance")}>
						{t("errors.top_up")}
					</Button>
				)}
				<Button small disabled={busy} icon={<RefreshCw size={15} aria-hidden />} onClick={() => onRegenerate(message)}>
					{t("common.retry")}
				</Button>
			</div>
		</div>
	);
}
