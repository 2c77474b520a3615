import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { assistants } from "@/api/assistants";
import { Button } from "@/components/ui/Button";
import { keys, queryClient } from "@/queries/client";
import { attempt } from "./parts";

/** What users share with everybody, and what was taken back. Nothing where there is none. */
export default function SharedAssistants() {
	const key = keys.admin("assistants");
	const { data } = useQuery({ queryKey: key, queryFn: () => assistants.shared({}) });
	const { t } = useTranslation();
	if (!data?.items.length) return null;
	return (
		<section aria-label={t("assistants.shared_title")} className="mt-10">
			<h2 className="mb-3 text-lg font-semibold">{t("assistants.shared_title")}</h2>
			<ul className="flex flex-col divide-y divide-line rounded-xl border border-line bg-raised">
				{data.items.map((a) => (
					<li key={a.id} className="flex flex-wrap items-center gap-3 px-4 py-3 text-sm">
						<div className="min-w-40 grow">
							<p className="font-medium break-words">{a.name}</p>
							{a.description && <p className="line-clamp-2 break-words text-soft">{a.description}</p>}
							<p className="text-xs text-faint">{t("assistants.shared_by", { name: a.owner ?? "" })}</p>
						</div>
						<Button
							small
							className="pointer-coarse:h-11"
							onClick={() => void attempt(() => assistants.bar(a.id, !a.is_barred)).then(() => queryClient.invalidateQueries({ queryKey: key }))}
						>
							{t(a.is_barred ? "assistants.allow" : "assistants.take_back")}
						</Button>
					</li>
				))}
			</ul>
		</section>
	);
}
