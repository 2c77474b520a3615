import { Bot, MessageCircleDashed, PanelLeft, Pencil, SquarePen } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { Conversation } from "@/api/types";
import { useAgents } from "@/queries/account";
import { useConversation } from "@/stores/conversation";
import { IconButton } from "../ui/Button";
import { TitleEditor } from "./TitleEditor";

interface Props {
	conversation: Conversation | undefined;
	/** None is begun yet: it may be a temporary one. */
	isNew: boolean;
	/** Where there is no conversation. */
	title: string;
	sidebarShown: boolean;
	onShowSidebar: () => void;
}

export function TopBar({ conversation, isNew, title, sidebarShown, onShowSidebar }: Props) {
	const [editing, setEditing] = useState(false);
	const [, navigate] = useLocation();
	const agents = useAgents();
	const { temporary, setTemporary } = useConversation();
	const { t } = useTranslation();
	const agent = agents.find((a) => a.id === conversation?.agent_id);
	return (
		<header className="flex h-14 shrink-0 items-center gap-1 px-2 pt-[env(safe-area-inset-top)]">
			{!sidebarShown && (
				<>
					<IconButton label={t("sidebar.show")} onClick={onShowSidebar}>
						<PanelLeft size={19} />
					</IconButton>
					<IconButton label={t("sidebar.new")} onClick={() => navigate("/")}>
						<SquarePen size={18} />
					</IconButton>
				</>
			)}
			<div className="group flex min-w-0 grow items-center gap-1 ps-2">
				{conversation && editing ? (
					<TitleEditor conversation={conversation} onDone={() => setEditing(false)} className="h-9 w-full max-w-md font-medium" />
				) : (
					<>
						<h1 className="truncate font-medium" data-testid="title">
							{conversation?.temporary_until ? t("chat.temporary") : conversation ? conversation.title || t("chat.untitled") : title}
						</h1>
						{conversation && !conversation.temporary_until && (
							<IconButton
								small
								label={t("sidebar.rename")}
								onClick={() => setEditing(true)}
								className="pointer-fine:opacity-0 pointer-fine:group-hover:opacity-100 pointer-fine:focus-visible:opacity-100"
							>
								<Pencil size={14} />
							</IconButton>
						)}
						{agent && (
							<span className="ms-1 hidden items-center gap-1 rounded-full bg-tint px-2.5 py-0.5 text-xs text-accent sm:flex">
								<Bot size={13} aria-hidden />
								{agent.name}
							</span>
						)}
					</>
				)}
			</div>
			{isNew && (
				<IconButton label={t("chat.temporary")} aria-pressed={temporary} active={temporary} onClick={() => setTemporary(!temporary)}>
					<MessageCircleDashed size={18} />
				</IconButton>
			)}
		</header>
	);
}
