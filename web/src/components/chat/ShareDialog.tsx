import { useMutation, useQuery } from "@tanstack/react-query";
import { Braces, FileText, Link2, Printer } from "lucide-react";
import { useTranslation } from "react-i18next";
import { sharing } from "@/api/sharing";
import type { Conversation } from "@/api/types";
import { saveFile } from "@/lib/download";
import { explain } from "@/lib/explain";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { ShareRow, shareKey } from "./ShareRow";

/** A link for others, a file for oneself. */
export default function ShareDialog({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
	const { t } = useTranslation();
	const { data } = useQuery({ queryKey: shareKey, queryFn: () => sharing.list({ limit: 100 }), staleTime: 0 });
	const links = data?.items.filter((s) => s.conversation_id === conversation.id) ?? [];
	const failed = (e: unknown) => toast("danger", explain(e).text);
	const make = useMutation({
		mutationFn: () => sharing.create(conversation.id),
		onSuccess: () => queryClient.invalidateQueries({ queryKey: shareKey }),
		onError: failed,
	});
	const save = useMutation({
		mutationFn: async (format: "json" | "markdown") =>
			saveFile(await sharing.file(conversation.id, format), `${fileTitle(conversation.title)}.${format === "json" ? "json" : "md"}`),
		onError: failed,
	});
	return (
		<Dialog title={t("sharing.title")} onClose={onClose}>
			<section className="flex flex-col gap-3">
				<h3 className="text-sm font-medium">{t("sharing.link_title")}</h3>
				<p className="text-sm text-soft">{t("sharing.link_text")}</p>
				{links.length > 0 && (
					<ul className="divide-y divide-line">
						{links.map((s) => (
							<ShareRow key={s.id} share={s} />
						))}
					</ul>
				)}
				<Button look={links.length > 0 ? "soft" : "solid"} busy={make.isPending} icon={<Link2 size={16} aria-hidden />} onClick={() => make.mutate()} className="self-start">
					{t("sharing.make")}
				</Button>
			</section>
			<section className="mt-6 flex flex-col gap-3 border-t border-line pt-5">
				<h3 className="text-sm font-medium">{t("sharing.file_title")}</h3>
				<div className="flex flex-wrap gap-2">
					<Button icon={<FileText size={16} aria-hidden />} onClick={() => save.mutate("markdown")}>
						{t("sharing.markdown")}
					</Button>
					<Button icon={<Braces size={16} aria-hidden />} onClick={() => save.mutate("json")}>
						{t("sharing.json")}
					</Button>
					<Button icon={<Printer size={16} aria-hidden />} onClick={() => window.open(`/c/${conversation.id}/print`, "_blank", "noopener")}>
						{t("sharing.print")}
					</Button>
				</div>
			</section>
		</Dialog>
	);
}

/** A name that every file system takes. */
function fileTitle(title: string): string {
	return title.replace(/[\\/:*?"<>|]+/g, " ").replace(/\s+/g, " ").trim().slice(0, 80) || "conversation";
}
