import { Bot, MessageCircleDashed, PanelLeft, Pencil, Settings2, SquarePen } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { Conversation } from "@/api/types";
import { withTexts } from "@/i18n/texts";
import { countOf } from "@/lib/overrides";
import { useAgents } from "@/queries/account";
import { useAssistant } from "@/queries/assistants";
import { useConversation } from "@/stores/conversation";
import { Face } from "../assistants/Face";
import { IconButton } from "../ui/Button";
import { TitleEditor } from "./TitleEditor";

const ConversationSettings = lazy(() => withTexts(["assistants"], import("./ConversationSettings")));
const OverrideChips = lazy(() => withTexts(["assistants"], import("./OverrideChips")));

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
	const temporary = useConversation((s) => s.temporary);
	const setTemporary = useConversation((s) => s.setTemporary);
	const { t } = useTranslation();
	const agent = agents.find((a) => a.id === conversation?.agent_id);
	const [setting, setSetting] = useState(false);
	const draft = useConversation((s) => s.overrides);
	const set = conversation ?? draft ?? {};
	const isSet = countOf(set) > 0;
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
						{conversation?.assistant_id && <Speaker conversation={conversation} />}
					</>
				)}
			</div>
			{isNew && (
				<IconButton label={t("chat.temporary")} aria-pressed={temporary} active={temporary} onClick={() => setTemporary(!temporary)}>
					<MessageCircleDashed size={18} />
				</IconButton>
			)}
			<Suspense>
				{isSet && <OverrideChips of={set} />}
				{setting && <ConversationSettings conversation={conversation} onClose={() => setSetting(false)} />}
			</Suspense>
			<IconButton label={t("chat.settings")} active={isSet} aria-haspopup="dialog" onClick={() => setSetting(true)}>
				<Settings2 size={18} />
			</IconButton>
		</header>
	);
}

/** The assistant that speaks here, or that it is gone. */
function Speaker({ conversation: c }: { conversation: Conversation }) {
	const { data } = useAssistant(c.assistant_gone ? null : c.assistant_id);
	const { t } = useTranslation();
	return (
		<span data-testid="speaker" className="ms-1 flex min-w-0 shrink-0 items-center gap-1.5 rounded-full bg-tint py-0.5 ps-1 pe-2.5 text-xs text-accent">
			<Face assistant={data} className="size-5 text-sm" />
			<span className="max-w-16 truncate sm:max-w-48">{c.assistant_gone ? t("chat.assistant_gone", { name: c.assistant_name }) : c.assistant_name}</span>
		</span>
	);
}
