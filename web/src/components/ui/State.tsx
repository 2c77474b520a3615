import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { explain } from "@/lib/explain";
import { cx } from "@/lib/cx";
import { Button } from "./Button";

/** Grey bars where content will be. */
export function Skeleton({ className }: { className?: string }) {
	return <div aria-hidden className={cx("animate-breathe rounded-md bg-hover", className)} />;
}

/** Nothing here yet, and what to do about it. */
export function Empty({ icon, title, hint, children }: { icon?: ReactNode; title: string; hint?: string; children?: ReactNode }) {
	return (
		<div className="flex flex-col items-center gap-2 px-6 py-12 text-center">
			{icon && (
				<div aria-hidden className="mb-1 text-faint">
					{icon}
				</div>
			)}
			<p className="font-medium text-soft">{title}</p>
			{hint && <p className="max-w-sm text-sm text-faint">{hint}</p>}
			{children}
		</div>
	);
}

/** It could not be loaded; try again. */
export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
	const { t } = useTranslation();
	const { text, detail } = explain(error);
	return (
		<div role="alert" className="flex flex-col items-center gap-3 px-6 py-10 text-center text-sm">
			<p className="text-soft">{text}</p>
			{detail && <p className="text-faint">{detail}</p>}
			<Button small onClick={onRetry}>
				{t("common.retry")}
			</Button>
		</div>
	);
}
