import { Bell } from "lucide-react";
import { Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNotifications } from "@/stores/notices";
import { IconButton } from "../ui/Button";
import { fetchMenus, NotificationItems } from "./later";

export function NotificationBell() {
	const { items, readAll } = useNotifications();
	const unread = items.filter((i) => !i.read).length;
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
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
				onPointerEnter={fetchMenus}
				onClick={show}
				className="relative"
			>
				<Bell size={18} />
				{unread > 0 && <span aria-hidden className="absolute end-2 top-2 size-2.5 rounded-full border-2 border-surface bg-accent" />}
			</IconButton>
			{open && (
				<Suspense>
					<NotificationItems anchor={button.current!} onClose={close} />
				</Suspense>
			)}
		</>
	);
}
