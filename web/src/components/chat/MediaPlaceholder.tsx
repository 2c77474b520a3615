import { Image } from "lucide-react";
import type { ReactNode } from "react";

/** Where a picture or video will be: loading, or waiting to be asked for. */
export function MediaPlaceholder({ children, onLoad }: { children: ReactNode; onLoad?: () => void }) {
	const look =
		"my-2 inline-flex max-w-full items-center gap-3 rounded-xl border border-dashed border-line-strong px-4 py-3 text-sm text-soft";
	const inside = (
		<>
			<Image size={18} aria-hidden className="shrink-0 text-faint" />
			<span className="truncate">{children}</span>
		</>
	);
	return onLoad ? (
		<button type="button" onClick={onLoad} className={`${look} hover:bg-hover`}>
			{inside}
		</button>
	) : (
		<span className={look}>{inside}</span>
	);
}
