import { FileX } from "lucide-react";
import { useTranslation } from "react-i18next";

/** Documents of earlier questions that the model was not shown, for want of room. */
export default function LeftOut({ names }: { names: string[] }) {
	const { t } = useTranslation();
	return (
		<p data-testid="left-out" className="mt-2 flex items-start gap-1.5 text-xs text-faint">
			<FileX size={14} aria-hidden className="mt-px shrink-0" />
			<span className="wrap-anywhere">
				{t("files.left_out")}: {names.join(", ")}
			</span>
		</p>
	);
}
