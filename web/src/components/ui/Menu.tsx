import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useClickOutside } from "@/hooks/useClickOutside";
import { cx } from "@/lib/cx";

export interface Point {
	x: number;
	y: number;
}

interface PopoverProps {
	/** Beside this, or at this point of the window. */
	anchor: HTMLElement | Point;
	onClose: () => void;
	children: ReactNode;
	label: string;
	role?: "menu" | "listbox" | "dialog";
	className?: string;
	/** Grows upwards from the anchor. */
	above?: boolean;
	alignEnd?: boolean;
}

const GAP = 6;
const EDGE = 8;
const STOPS = '[role^="menuitem"]:not([aria-disabled="true"]), [role="option"], a[href], button:not(:disabled), input';

/** A box over the page that closes on Escape, on a press outside, and on Tab out of a menu. */
export function Popover({ anchor, onClose, children, label, role = "menu", className, above, alignEnd }: PopoverProps) {
	const ref = useRef<HTMLDivElement>(null);
	const trigger = useRef(anchor instanceof HTMLElement ? anchor : null);
	const [place, setPlace] = useState<Point | null>(null);

	useLayoutEffect(() => setPlace(position(anchor, ref.current!, above, alignEnd)), [anchor, above, alignEnd]);
	useEffect(() => {
		const before = document.activeElement as HTMLElement | null;
		const selected = ref.current?.querySelector<HTMLElement>('[aria-checked="true"], [aria-selected="true"]');
		(selected ?? stops(ref.current)[0] ?? ref.current)?.focus({ preventScroll: false });
		return () => {
			if (ref.current === null || ref.current.contains(document.activeElement) || document.activeElement === document.body)
				before?.focus();
		};
	}, []);
	useEffect(() => {
		window.addEventListener("resize", onClose);
		return () => window.removeEventListener("resize", onClose);
	}, [onClose]);
	useClickOutside([ref, trigger], onClose);

	const onKeyDown = (e: KeyboardEvent) => {
		if (e.key === "Escape" || (e.key === "Tab" && role !== "dialog")) {
			e.stopPropagation();
			if (e.key === "Escape") e.preventDefault();
			onClose();
		} else if (role !== "dialog") {
			move(e, ref.current);
		}
	};
	return createPortal(
		<div
			ref={ref}
			role={role}
			aria-label={label}
			tabIndex={-1}
			onKeyDown={onKeyDown}
			style={{ left: place?.x ?? 0, top: place?.y ?? 0 }}
			className={cx(
				"fixed z-50 max-h-[min(28rem,calc(100dvh-1rem))] max-w-[calc(100vw-1rem)] animate-rise overflow-y-auto rounded-xl border border-line bg-raised p-1.5 shadow-lift outline-none",
				// Not `invisible` before it has its place: what cannot be seen cannot take the focus.
				place === null && "opacity-0",
				className,
			)}
		>
			{children}
		</div>,
		document.querySelector("dialog[open]") ?? document.body,
	);
}

function position(anchor: HTMLElement | Point, box: HTMLElement, above?: boolean, alignEnd?: boolean): Point {
	const { width, height } = box.getBoundingClientRect();
	const rect =
		anchor instanceof HTMLElement ? anchor.getBoundingClientRect() : new DOMRect(anchor.x, anchor.y, 0, 0);
	const gap = anchor instanceof HTMLElement ? GAP : 0;
	const below = rect.bottom + gap;
	const over = rect.top - gap - height;
	const up = above ? over >= EDGE : below + height > innerHeight - EDGE && over >= EDGE;
	const x = alignEnd ? rect.right - width : rect.left;
	return {
		x: Math.max(EDGE, Math.min(x, innerWidth - width - EDGE)),
		y: Math.max(EDGE, Math.min(up ? over : below, innerHeight - height - EDGE)),
	};
}

function stops(box: HTMLElement | null): HTMLElement[] {
	return box ? [...box.querySelectorAll<HTMLElement>(STOPS)] : [];
}

function move(e: KeyboardEvent, box: HTMLElement | null) {
	const items = stops(box);
	const at = items.indexOf(document.activeElement as HTMLElement);
	const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[e.key];
	if (to === undefined || items.length === 0) return;
	e.preventDefault();
	items[(to + items.length) % items.length]?.focus();
}

interface ItemProps {
	icon?: ReactNode;
	danger?: boolean;
	disabled?: boolean;
	onSelect: () => void;
	children: ReactNode;
}

export function MenuItem({ icon, danger, disabled, onSelect, children }: ItemProps) {
	return (
		<button
			type="button"
			role="menuitem"
			disabled={disabled}
			onClick={onSelect}
			className={cx(
				"flex w-full items-center gap-2.5 rounded-lg px-3 py-2 text-start text-sm transition-colors",
				"hover:bg-hover focus-visible:bg-hover focus-visible:outline-none disabled:opacity-50",
				danger ? "text-danger" : "text-ink",
			)}
		>
			<span aria-hidden className={danger ? "" : "text-faint"}>
				{icon}
			</span>
			{children}
		</button>
	);
}
