import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { type Toast, type Tone, useToasts } from "@/stores/notices";
import { IconButton } from "./Button";

const SIGNS: Record<Tone, { Icon: typeof Info; colour: string }> = {
	info: { Icon: Info, colour: "text-accent" },
	ok: { Icon: CircleCheck, colour: "text-ok" },
	warn: { Icon: TriangleAlert, colour: "text-warn" },
	danger: { Icon: CircleAlert, colour: "text-danger" },
};

export function Toaster() {
	const items = useToasts((s) => s.items);
	const ref = useRef<HTMLElement>(null);
	const { t } = useTranslation();

	// In the top layer, and in front of a dialog that opened before.
	useLayoutEffect(() => {
		const section = ref.current;
		if (!section?.showPopover) return;
		if (section.matches(":popover-open")) section.hidePopover();
		if (items.length > 0) section.showPopover();
	}, [items]);
	return (
		<section
			ref={ref}
			{...{ popover: "manual" }}
			aria-label={t("notices.title")}
			aria-live="polite"
			className="pointer-events-none fixed inset-x-0 top-[calc(3.5rem+env(safe-area-inset-top))] bottom-auto m-0 w-full flex-col gap-2 sm:inset-x-auto sm:end-0 sm:top-auto sm:bottom-[calc(var(--composer,0px)+0.75rem)] sm:max-w-sm overflow-visible border-0 bg-transparent px-3 py-0 text-ink open:flex"
		>
			{items.map((toast) => (
				<ToastCard key={toast.id} toast={toast} />
			))}
		</section>
	);
}

function ToastCard({ toast }: { toast: Toast }) {
	const dismiss = useToasts((s) => s.dismiss);
	const [held, setHeld] = useState(false);
	const { t } = useTranslation();
	const { Icon, colour } = SIGNS[toast.tone];

	useEffect(() => {
		if (toast.lasts === 0 || held) return;
		const timer = setTimeout(() => dismiss(toast.id), toast.lasts);
		return () => clearTimeout(timer);
	}, [toast, held, dismiss]);
	return (
		<div
			role={toast.tone === "danger" ? "alert" : "status"}
			onMouseEnter={() => setHeld(true)}
			onMouseLeave={() => setHeld(false)}
			onFocus={() => setHeld(true)}
			onBlur={() => setHeld(false)}
			className="pointer-events-auto flex w-full max-w-md animate-rise items-start gap-3 rounded-xl border border-line bg-raised py-2 ps-4 pe-2 shadow-lift"
		>
			<Icon size={18} aria-hidden className={cx("mt-1.5 shrink-0", colour)} />
			<div className="min-w-0 grow py-1 text-sm">
				<p className="wrap-anywhere text-ink">{toast.text}</p>
				{toast.detail && <p className="mt-0.5 wrap-anywhere text-faint">{toast.detail}</p>}
				{toast.action && (
					<button
						type="button"
						onClick={() => {
							toast.action!.run();
							dismiss(toast.id);
						}}
						className="mt-1 rounded font-medium text-accent hover:underline"
					>
						{toast.action.label}
					</button>
				)}
			</div>
			<IconButton small label={t("common.close")} onClick={() => dismiss(toast.id)}>
				<X size={16} />
			</IconButton>
		</div>
	);
}
