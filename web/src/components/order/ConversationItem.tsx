import { CircleCheck, Ellipsis } from "lucide-react";
import { type DragEvent, memo, type MouseEvent, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { Conversation } from "@/api/types";
import { cx } from "@/lib/cx";
import { useOrder } from "@/stores/order";
import { useTasks } from "@/stores/tasks";
import { TitleEditor } from "../chat/TitleEditor";
import { IconButton } from "../ui/Button";
import type { Point } from "../ui/Menu";
import { Spinner } from "../ui/Spinner";
import { type Act, DRAGGED } from "./acts";
import { ContextMenu } from "./ContextMenu";

const LONG_PRESS_MS = 500;
const MOVED_PX = 10;

interface Props {
	conversation: Conversation;
	active: boolean;
	onOpen: () => void;
	onAct: (conversation: Conversation, act: Act) => void;
	/** With Shift, or while something is selected. */
	onSelect: (id: string, range: boolean) => void;
}

export const ConversationItem = memo(function ConversationItem({ conversation, active, onOpen, onAct, onSelect }: Props) {
	const { id } = conversation;
	const [menu, setMenu] = useState<HTMLElement | Point | null>(null);
	const [editing, setEditing] = useState(false);
	const more = useRef<HTMLButtonElement>(null);
	const closeMenu = useCallback(() => setMenu(null), []);
	const selecting = useOrder((s) => s.selected !== null);
	const selected = useOrder((s) => s.selected?.has(id) ?? false);
	const press = useLongPress(() => onSelect(id, false));
	const { t } = useTranslation();
	const title = conversation.title || t("chat.untitled");
	const act = (what: Act) => (what === "rename" ? setEditing(true) : onAct(conversation, what));
	const onContextMenu = (e: MouseEvent) => {
		e.preventDefault();
		// A long press on a phone selects; it says so by this event, too.
		if (!press.isTouch()) setMenu({ x: e.clientX, y: e.clientY });
	};
	// Before the link, which leaves a click with Shift to the browser.
	const onClickCapture = (e: MouseEvent) => {
		if (!press.was() && !selecting && !e.shiftKey) return;
		e.preventDefault();
		e.stopPropagation();
		if (!press.was()) onSelect(id, e.shiftKey);
		press.forget();
	};
	const onDragStart = (e: DragEvent) => {
		const chosen = useOrder.getState().selected;
		e.dataTransfer.setData(DRAGGED, JSON.stringify(chosen?.has(id) ? [...chosen] : [id]));
		e.dataTransfer.effectAllowed = "move";
	};
	if (editing) return <TitleEditor conversation={conversation} onDone={() => setEditing(false)} className="h-full w-full text-sm" />;
	return (
		<div
			onContextMenu={onContextMenu}
			className={cx("group relative flex h-full items-center rounded-lg transition-colors", selected ? "bg-tint" : active ? "bg-hover" : "hover:bg-hover")}
		>
			{selecting && (
				<input
					type="checkbox"
					checked={selected}
					onChange={() => onSelect(id, false)}
					aria-label={t("order.select_one", { title })}
					className="ms-2.5 size-4 shrink-0 accent-[var(--weir-accent)]"
				/>
			)}
			<Link
				href={`/c/${id}`}
				onClickCapture={onClickCapture}
				onClick={onOpen}
				onDoubleClick={() => !selecting && setEditing(true)}
				onDragStart={onDragStart}
				{...press.handlers}
				aria-current={active ? "page" : undefined}
				className={cx(
					"flex h-full min-w-0 grow items-center gap-2 rounded-lg text-sm select-none pointer-coarse:[-webkit-touch-callout:none]",
					selecting ? "ps-2 pe-3" : "ps-3 pe-9",
					active ? "font-medium text-ink" : "text-soft",
				)}
			>
				<span className="truncate">{title}</span>
				<Badge conversationId={id} />
			</Link>
			{!selecting && (
				<IconButton
					ref={more}
					small
					label={t("sidebar.menu_of", { title })}
					aria-haspopup="menu"
					aria-expanded={menu !== null}
					onClick={() => setMenu(menu ? null : more.current)}
					className={cx(
						"absolute end-0.5",
						!active && menu === null && "pointer-fine:opacity-0 pointer-fine:group-hover:opacity-100 pointer-fine:focus-visible:opacity-100",
					)}
				>
					<Ellipsis size={16} />
				</IconButton>
			)}
			{menu && <ContextMenu anchor={menu} conversation={conversation} onAct={act} onClose={closeMenu} />}
		</div>
	);
});

/** A finger that stays where it is. */
function useLongPress(pressed: () => void) {
	const state = useRef({ timer: 0, x: 0, y: 0, was: false, touch: false }).current;
	const stop = () => clearTimeout(state.timer);
	return {
		was: () => state.was,
		isTouch: () => state.touch,
		forget: () => {
			state.was = false;
		},
		handlers: {
			onPointerDown: (e: React.PointerEvent) => {
				state.was = false;
				state.touch = e.pointerType === "touch";
				if (!state.touch) return;
				state.x = e.clientX;
				state.y = e.clientY;
				state.timer = window.setTimeout(() => {
					state.was = true;
					pressed();
				}, LONG_PRESS_MS);
			},
			onPointerMove: (e: React.PointerEvent) => {
				if (Math.hypot(e.clientX - state.x, e.clientY - state.y) > MOVED_PX) stop();
			},
			onPointerUp: stop,
			onPointerCancel: stop,
		},
	};
}

/** {processing, completed}: what runs in a conversation, and what ended unseen. */
function Badge({ conversationId }: { conversationId: string }) {
	const processing = useTasks((s) => Object.values(s.active).filter((task) => task.conversationId === conversationId).length);
	const completed = useTasks((s) => s.finished[conversationId] ?? 0);
	const { t } = useTranslation();
	if (processing > 0)
		return (
			<span role="status" aria-label={t("sidebar.running")} className="flex shrink-0 items-center gap-1 text-xs text-accent tabular-nums">
				<Spinner size={14} />
				{processing > 1 && processing}
			</span>
		);
	if (completed > 0)
		return (
			<span role="status" aria-label={t("sidebar.finished")} className="shrink-0 text-ok">
				<CircleCheck size={14} aria-hidden />
			</span>
		);
	return null;
}
