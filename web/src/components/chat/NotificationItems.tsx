import { CircleAlert, CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { dateTime } from "@/lib/format";
import { useNotifications } from "@/stores/notices";
import { MenuItem, Popover } from "../ui/Menu";
import { Empty } from "../ui/State";

export function NotificationItems({ anchor, onClose }: { anchor: HTMLElement; onClose: () => void }) {
	const items = useNotifications((s) => s.items);
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	// A menu without items is none.
	const role = items.length > 0 ? "menu" : "dialog";
	return (
		<Popover anchor={anchor} role={role} label={t("notices.title")} above alignEnd onClose={onClose} className="w-80">
			{items.length === 0 && <Empty title={t("notices.none")} hint={t("notices.none_hint")} />}
			{items.map((n) => (
				<MenuItem
					key={n.taskId}
					icon={n.failed ? <CircleAlert size={16} className="text-danger" /> : <CircleCheck size={16} className="text-ok" />}
					onSelect={() => {
						onClose();
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
	);
}
