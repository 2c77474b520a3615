import { Bell, CircleAlert, CircleCheck } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { dateTime } from "@/lib/format";
import { useNotifications } from "@/stores/notices";
import { IconButton } from "../ui/Button";
import { MenuItem, Popover } from "../ui/Menu";
import { Empty } from "../ui/State";

export function NotificationBell() {
	const { items, readAll } = useNotifications();
	const unread = items.filter((i) => !i.read).length;
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const close = useCallback(() => setOpen(false), []);
	const show = () => {
		setOpen(!open);
		readAll();
	};
	return (
		<>
			<IconButton
				ref={button}
				label={unread > 0 ? t("notices.unread", { number: unread }) : t("notices.title")}
				aria-haspopup="menu"
				aria-expanded={open}
				onClick={show}
				className="relative"
			>
				<Bell size={18} />
				{unread > 0 && <span aria-hidden className="absolute end-2 top-2 size-2.5 rounded-full border-2 border-surface bg-accent" />}
			</IconButton>
			{open && (
				<Popover anchor={button.current!} label={t("notices.title")} above alignEnd onClose={close} className="w-80">
					{items.length === 0 && <Empty title={t("notices.none")} hint={t("notices.none_hint")} />}
					{items.map((n) => (
						<MenuItem
							key={n.taskId}
							icon={n.failed ? <CircleAlert size={16} className="text-danger" /> : <CircleCheck size={16} className="text-ok" />}
							onSelect={() => {
								close();
								navigate(`/c/${n.conversationId}`);
							}}
						>
							<span className="min-w-0">
								<span className="block truncate">{n.title}</span>
								<span className="block text-xs text-faint">{dateTime(n.completedAt)}</span>
							</span>
						</MenuItem>
					))}
				</Popover>
			)}
		</>
	);
}
