import { BookOpen, Bot, ChevronsUpDown, LogOut, Settings, Shield, Wallet } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { credits } from "@/lib/format";
import { signOut } from "@/lib/signout";
import { useMe } from "@/queries/account";
import { MenuItem, Popover } from "../ui/Menu";

export function AccountMenu({ onSettings }: { onSettings: () => void }) {
	const me = useMe();
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const close = useCallback(() => setOpen(false), []);
	const go = (then: () => void) => () => {
		close();
		then();
	};
	if (!me) return null;
	const name = me.nickname || me.email || me.phone || "";
	return (
		<>
			<button
				ref={button}
				type="button"
				aria-haspopup="menu"
				aria-expanded={open}
				title={t("sidebar.account", { name })}
				onClick={() => setOpen(!open)}
				className="flex h-12 min-w-0 grow items-center gap-2.5 rounded-lg px-2 text-start transition-colors hover:bg-hover"
			>
				<span aria-hidden className="flex size-8 shrink-0 items-center justify-center rounded-full bg-tint text-sm font-semibold text-accent uppercase">
					{[...name][0]}
				</span>
				<span className="min-w-0 grow">
					<span className="block truncate text-sm text-ink">{name}</span>
					<span className="block truncate text-xs text-faint" data-testid="balance">
						{t("account.credits", { credits: credits(me.credits) })}
					</span>
				</span>
				<ChevronsUpDown size={15} aria-hidden className="shrink-0 text-faint" />
			</button>
			{open && (
				<Popover anchor={button.current!} label={t("sidebar.account", { name })} above onClose={close} className="w-60">
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
			)}
		</>
	);
}
