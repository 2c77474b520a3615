import { useMutation } from "@tanstack/react-query";
import { Check, Copy, ExternalLink, Unlink } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Share, sharing } from "@/api/sharing";
import { useCopy } from "@/hooks/useCopy";
import { explain } from "@/lib/explain";
import { dateTime } from "@/lib/format";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";

export const shareKey = ["shares"] as const;

/** A link, and what its owner may do with it. */
export function ShareRow({ share, titled }: { share: Share; titled?: boolean }) {
	const [copied, copy] = useCopy();
	const [asking, setAsking] = useState(false);
	const { t } = useTranslation();
	const revoke = useMutation({
		mutationFn: () => sharing.revoke(share.id),
		onSuccess: () => queryClient.invalidateQueries({ queryKey: shareKey }),
		onError: (e) => toast("danger", explain(e).text),
		onSettled: () => setAsking(false),
	});
	return (
		<li className="flex items-center gap-1 py-2 text-sm">
			<div className="min-w-0 grow">
				<p className="truncate" title={share.url}>
					{titled ? share.title || t("chat.untitled") : share.url.replace(/^https?:\/\//, "")}
				</p>
				<p className="text-xs text-faint">{t("sharing.made_at", { count: share.message_count, when: dateTime(share.created_at) })}</p>
			</div>
			<IconButton small label={t(copied ? "sharing.copied" : "sharing.copy")} onClick={() => copy(share.url)}>
				{copied ? <Check size={16} className="text-ok" /> : <Copy size={16} />}
			</IconButton>
			<a href={share.url} target="_blank" rel="noopener" aria-label={t("sharing.open")} title={t("sharing.open")} className="inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
				<ExternalLink size={16} aria-hidden />
			</a>
			<IconButton small label={t("sharing.revoke")} onClick={() => setAsking(true)}>
				<Unlink size={16} />
			</IconButton>
			{asking && (
				<Confirm
					title={t("sharing.revoke")}
					text={t("sharing.revoke_text")}
					action={t("sharing.revoke")}
					busy={revoke.isPending}
					onConfirm={() => revoke.mutate()}
					onClose={() => setAsking(false)}
				/>
			)}
		</li>
	);
}
