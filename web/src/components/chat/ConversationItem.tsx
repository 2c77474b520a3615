import { CircleCheck, Ellipsis } from "lucide-react";
import { memo, type MouseEvent, Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { Conversation } from "@/api/types";
import { cx } from "@/lib/cx";
import { useTasks } from "@/stores/tasks";
import type { Point } from "../ui/Menu";
import { IconButton } from "../ui/Button";
import { Spinner } from "../ui/Spinner";
import { ContextMenu } from "./later";
import { TitleEditor } from "./TitleEditor";

interface Props {
	conversation: Conversation;
	active: boolean;
	onOpen: () => void;
	onShare: (conversation: Conversation) => void;
	onDelete: (conversation: Conversation) => void;
}

export const ConversationItem = memo(function ConversationItem({ conversation, active, onOpen, onShare, onDelete }: Props) {
	const [menu, setMenu] = useState<HTMLElement | Point | null>(null);
	const [editing, setEditing] = useState(false);
	const more = useRef<HTMLButtonElement>(null);
	const closeMenu = useCallback(() => setMenu(null), []);
	const { t } = useTranslation();
	const title = conversation.title || t("chat.untitled");
	const onContextMenu = (e: MouseEvent) => {
		e.preventDefault();
		setMenu({ x: e.clientX, y: e.clientY });
	};
	if (editing) return <TitleEditor conversation={conversation} onDone={() => setEditing(false)} className="h-10 w-full text-sm" />;
	return (
		<div
			onContextMenu={onContextMenu}
			className={cx("group relative flex items-center rounded-lg transition-colors", active ? "bg-hover" : "hover:bg-hover")}
		>
			<Link
				href={`/c/${conversation.id}`}
				onClick={onOpen}
				onDoubleClick={() => setEditing(true)}
				aria-current={active ? "page" : undefined}
				className={cx("flex h-10 min-w-0 grow items-center gap-2 rounded-lg ps-3 pe-10 text-sm", active ? "font-medium text-ink" : "text-soft")}
			>
				<span className="truncate">{title}</span>
				<Badge conversationId={conversation.id} />
			</Link>
			<IconButton
				ref={more}
				small
				label={t("sidebar.menu_of", { title })}
				aria-haspopup="menu"
				aria-expanded={menu !== null}
				onClick={() => setMenu(menu ? null : more.current)}
				className={cx(
					"absolute end-1",
					!active && menu === null && "pointer-fine:opacity-0 pointer-fine:group-hover:opacity-100 pointer-fine:focus-visible:opacity-100",
				)}
			>
				<Ellipsis size={16} />
			</IconButton>
			{menu && (
				<Suspense>
					<ContextMenu
						anchor={menu}
						onClose={closeMenu}
						onRename={() => {
							closeMenu();
							setEditing(true);
						}}
						onShare={() => {
							closeMenu();
							onShare(conversation);
						}}
						onDelete={() => {
							closeMenu();
							onDelete(conversation);
						}}
					/>
				</Suspense>
			)}
		</div>
	);
});

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
