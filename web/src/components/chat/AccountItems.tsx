import { BookOpen, Bot, LogOut, Settings, Shield, Wallet } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { User } from "@/api/types";
import { signOut } from "@/lib/signout";
import { MenuItem, Popover } from "../ui/Menu";

interface Props {
	anchor: HTMLElement;
	me: User;
	onSettings: () => void;
	onClose: () => void;
}

export function AccountItems({ anchor, me, onSettings, onClose }: Props) {
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const name = me.nickname || me.email || me.phone || "";
	const go = (then: () => void) => () => {
		onClose();
		then();
	};
	return (
		<Popover anchor={anchor} label={t("sidebar.account", { name })} above onClose={onClose} className="w-60">
			<MenuItem icon={<BookOpen size={16} />} onSelect={go(() => navigate("/knowledge"))}>
				{t("account.knowledge")}
			</MenuItem>
			<MenuItem icon={<Bot size={16} />} onSelect={go(() => navigate("/assistants"))}>
				{t("account.assistants")}
			</MenuItem>
			<MenuItem icon={<Settings size={16} />} onSelect={go(onSettings)}>
				{t("settings.title")}
			</MenuItem>
			<MenuItem icon={<Wallet size={16} />} onSelect={go(() => navigate("/settings/balance"))}>
				{t("settings.balance")}
			</MenuItem>
			{me.role === "admin" && (
				<MenuItem icon={<Shield size={16} />} onSelect={go(() => navigate("/admin"))}>
					{t("account.administration")}
				</MenuItem>
			)}
			<hr className="my-1.5" />
			<MenuItem icon={<LogOut size={16} />} onSelect={go(() => void signOut())}>
				{t("auth.sign_out")}
			</MenuItem>
		</Popover>
	);
}
