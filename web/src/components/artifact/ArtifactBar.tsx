import { AppWindow, Image as Picture } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Kind, titleOf } from "@/lib/artifacts";
import { useArtifact } from "@/stores/artifact";
import { Button } from "../ui/Button";

/** Above the code of a page or picture: what it is, and how to see it. */
export function ArtifactBar({ kind, source, complete }: { kind: Kind; source: string; complete: boolean }) {
	const { t } = useTranslation();
	const title = titleOf(source) || t(`rich.${kind}`);
	const Sign = kind === "svg" ? Picture : AppWindow;
	const open = () => {
		useArtifact.getState().open({ kind, title: titleOf(source), source, complete });
		void import("./mount").then(({ mountPanel }) => mountPanel());
	};
	return (
		<div className="mb-1.5 flex items-center gap-3 rounded-xl border border-line bg-raised py-2 ps-4 pe-2 text-sm">
			<Sign size={18} aria-hidden className="shrink-0 text-accent" />
			<span className="min-w-0 grow">
				<span className="block truncate font-medium">{title}</span>
				{!complete && <span className="block text-xs text-faint">{t("rich.writing")}</span>}
			</span>
			<Button small onClick={open}>
				{t("rich.open")}
			</Button>
		</div>
	);
}
