import { useTranslation } from "react-i18next";
import type { Overrides } from "@/lib/overrides";

/** What this conversation sets for itself, in few words. */
export default function OverrideChips({ of }: { of: Partial<Overrides> }) {
	const { t } = useTranslation();
	const words = [
		of.temperature != null && t("assistants.chip_temperature", { n: of.temperature }),
		of.top_p != null && t("assistants.chip_top_p", { n: of.top_p }),
		of.context_messages != null && t("assistants.chip_context", { n: of.context_messages }),
		of.prompt != null && t("assistants.chip_prompt"),
	].filter(Boolean);
	return (
		<span data-testid="overrides" className="hidden shrink-0 truncate text-xs text-faint tabular-nums md:block">
			{words.join(" · ")}
		</span>
	);
}
