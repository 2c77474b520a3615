import { FileText } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { cx } from "@/lib/cx";
import { fileName } from "@/lib/files";
import { bytes } from "@/lib/format";

export function nameOf(file: Attachment): string {
	return file.name ?? fileName(file.url);
}

/** A document: its name, what it is, how long. `state` says more of it, and `children` are what can be done with it. */
export function FileChip({ file, sign, state, failed, children }: { file: Attachment; sign?: ReactNode; state?: string; failed?: boolean; children?: ReactNode }) {
	const { t } = useTranslation();
	const facts = [
		file.kind?.toUpperCase(),
		file.pages ? t(file.pages === 1 ? "files.page" : "files.pages", { n: file.pages }) : null,
		file.size_bytes ? bytes(file.size_bytes) : null,
		state,
	].filter(Boolean);
	return (
		<span className={cx("flex min-h-14 w-72 max-w-full items-center gap-2.5 rounded-lg border bg-raised py-1.5 ps-3 pe-1.5 text-xs", failed ? "border-danger" : "border-line")}>
			{sign ?? <FileText size={20} aria-hidden className={cx("shrink-0", failed ? "text-danger" : "text-accent")} />}
			<span className="min-w-0 grow text-start">
				<span title={nameOf(file)} className="block truncate text-sm text-ink">
					{nameOf(file)}
				</span>
				<span role={failed ? "alert" : state ? "status" : undefined} className={cx("block wrap-anywhere", failed ? "text-danger" : "text-faint")}>{facts.join(" · ")}</span>
			</span>
			{children}
		</span>
	);
}
