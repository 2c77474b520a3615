import { type ButtonHTMLAttributes, forwardRef, type ReactNode } from "react";
import { cx } from "@/lib/cx";
import { Spinner } from "./Spinner";

type Look = "solid" | "soft" | "ghost" | "danger";

const LOOKS: Record<Look, string> = {
	solid: "bg-accent text-on-accent hover:bg-accent-strong",
	soft: "border border-line bg-raised text-ink hover:bg-hover",
	ghost: "text-soft hover:bg-hover hover:text-ink",
	danger: "bg-danger text-on-danger hover:opacity-90",
};

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
	look?: Look;
	small?: boolean;
	/** Between small and normal. */
	medium?: boolean;
	busy?: boolean;
	icon?: ReactNode;
}

export function Button({ look = "soft", small, medium, busy, icon, className, children, disabled, ...rest }: Props) {
	return (
		<button
			type="button"
			{...rest}
			disabled={disabled || busy}
			aria-busy={busy || undefined}
			className={cx(
				"inline-flex items-center justify-center gap-2 rounded-lg text-sm font-medium whitespace-nowrap transition-colors",
				"disabled:cursor-not-allowed disabled:opacity-50",
				small ? "h-8 px-3" : medium ? "h-9 px-3.5" : "h-10 px-4",
				LOOKS[look],
				className,
			)}
		>
			{busy ? <Spinner /> : icon}
			{children}
		</button>
	);
}

interface IconProps extends ButtonHTMLAttributes<HTMLButtonElement> {
	label: string;
	small?: boolean;
	medium?: boolean;
	active?: boolean;
	/** The one that matters most. */
	solid?: boolean;
}

/** A button that is only a sign; `label` says what it does. */
export const IconButton = forwardRef<HTMLButtonElement, IconProps>(function IconButton(
	{ label, small, medium, active, solid, className, children, ...rest },
	ref,
) {
	return (
		<button
			ref={ref}
			type="button"
			{...rest}
			aria-label={label}
			title={label}
			className={cx(
				"inline-flex shrink-0 items-center justify-center rounded-lg transition-colors",
				"disabled:cursor-not-allowed",
				solid
					? "bg-accent text-on-accent hover:bg-accent-strong disabled:bg-hover disabled:text-faint"
					: cx("hover:bg-hover hover:text-ink disabled:opacity-40", active ? "bg-tint text-accent" : "text-faint"),
				small ? "size-8" : medium ? "size-9" : "size-10",
				className,
			)}
		>
			{children}
		</button>
	);
});
