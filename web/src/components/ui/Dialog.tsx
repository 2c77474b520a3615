import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { Button, IconButton } from "./Button";

interface Props {
	title: string;
	onClose: () => void;
	children: ReactNode;
	wide?: boolean;
	/** No frame, no title bar: for pictures. */
	bare?: boolean;
}

/** A modal: the platform keeps the focus inside and gives it back. */
export function Dialog({ title, onClose, children, wide, bare }: Props) {
	const ref = useRef<HTMLDialogElement>(null);
	const { t } = useTranslation();
	const titleId = useId();

	useEffect(() => {
		const dialog = ref.current!;
		if (!dialog.open) dialog.showModal();
		return () => dialog.close();
	}, []);
	return (
		<dialog
			ref={ref}
			aria-labelledby={titleId}
			onCancel={(e) => {
				e.preventDefault();
				onClose();
			}}
			onPointerDown={(e) => e.target === ref.current && onClose()}
			className={cx(
				"max-h-full max-w-full animate-rise p-0 backdrop:animate-fade",
				bare
					? "h-full w-full bg-transparent"
					: "max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] rounded-2xl border border-line bg-raised shadow-lift",
				!bare && (wide ? "sm:max-w-3xl" : "sm:max-w-md"),
			)}
		>
			{bare ? (
				<>
					<h2 id={titleId} className="sr-only">
						{title}
					</h2>
					{children}
				</>
			) : (
				<div className="flex max-h-[calc(100dvh-2rem)] flex-col">
					<header className="flex items-center justify-between gap-4 py-3 ps-5 pe-3">
						<h2 id={titleId} className="truncate font-semibold">
							{title}
						</h2>
						<IconButton small label={t("common.close")} onClick={onClose}>
							<X size={18} />
						</IconButton>
					</header>
					<div className="overflow-y-auto px-5 pb-5">{children}</div>
				</div>
			)}
		</dialog>
	);
}

interface ConfirmProps {
	title: string;
	text: string;
	action: string;
	busy?: boolean;
	onConfirm: () => void;
	onClose: () => void;
	/** What is to be chosen. */
	children?: ReactNode;
}

export function Confirm({ title, text, action, busy, onConfirm, onClose, children }: ConfirmProps) {
	const { t } = useTranslation();
	return (
		<Dialog title={title} onClose={onClose}>
			<p className="text-sm text-soft">{text}</p>
			{children}
			<div className="mt-6 flex justify-end gap-2">
				<Button onClick={onClose}>{t("common.cancel")}</Button>
				<Button look="danger" busy={busy} onClick={onConfirm} autoFocus>
					{action}
				</Button>
			</div>
		</Dialog>
	);
}
