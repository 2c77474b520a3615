import { cx } from "@/lib/cx";

/** A choice above a list: everything, or only what has this. */
export function Choice({ label, all, value, options, onChange, className }: { label: string; all: string; value: string; options: { value: string; label: string }[]; onChange: (value: string) => void; className?: string }) {
	return (
		<select aria-label={label} value={value} onChange={(e) => onChange(e.target.value)} className={cx("h-10 min-w-0 rounded-lg border border-line-strong bg-raised px-2 text-sm text-ink", className)}>
			<option value="">{all}</option>
			{options.map((o) => (
				<option key={o.value} value={o.value}>
					{o.label}
				</option>
			))}
		</select>
	);
}
