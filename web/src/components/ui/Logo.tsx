import { cx } from "@/lib/cx";

/** Water above and below a weir. */
export function Logo({ size = 28, className }: { size?: number; className?: string }) {
	return (
		<svg width={size} height={size} viewBox="0 0 32 32" aria-hidden className={cx("shrink-0 text-accent", className)}>
			<rect width="32" height="32" rx="8" fill="currentColor" />
			<g fill="none" strokeWidth="2.4" strokeLinecap="round" className="stroke-on-accent">
				<path d="M7 11.5c3 0 3-2 6-2s3 2 6 2 3-2 6-2" />
				<path d="M7 22c3 0 3-2 6-2s3 2 6 2 3-2 6-2" opacity=".65" />
				<path d="M7 16h18" />
			</g>
		</svg>
	);
}
