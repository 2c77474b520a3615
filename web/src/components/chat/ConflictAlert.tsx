import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import type { Conflict } from "@/lib/conflict";

const NEEDS: Record<Conflict, string> = { image: "vision", video: "video", audio: "audio" };

/** The model cannot take what is attached; one that can is offered. */
export default function ConflictAlert({ conflict, model, models, onSelect }: { conflict: Conflict; model: Model; models: Model[]; onSelect: (name: string) => void }) {
	const { t } = useTranslation();
	const other = models.find((m) => m.abilities.includes(NEEDS[conflict]));
	const editor = conflict === "image" ? models.find((m) => m.makes?.ops.includes("images.edit")) : undefined;
	return (
		<div role="alert" className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg bg-warn-tint px-3 py-2 text-sm text-ink">
			<TriangleAlert size={16} aria-hidden className="shrink-0 text-warn" />
			<span className="grow">{t(`conflict.${conflict}`, { name: model.display_name || model.name })}</span>
			{other && (
				<button type="button" onClick={() => onSelect(other.name)} className="font-medium text-accent hover:underline">
					{t("conflict.use", { name: other.display_name || other.name })}
				</button>
			)}
			{editor && (
				<button type="button" onClick={() => onSelect(editor.name)} className="font-medium text-accent hover:underline">
					{t("media.edit")}
				</button>
			)}
		</div>
	);
}
