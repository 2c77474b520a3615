import { BookOpen, ChartColumn, Cpu, Image, KeySquare, Keyboard, Languages, type LucideIcon, Monitor, Moon, Settings, Shield, SquarePen, Sun, Wallet } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { prefer } from "@/lib/preferences";
import { useMe } from "@/queries/account";
import { type Theme, useSettings } from "@/stores/settings";
import { Kbd, KEYS } from "./Keys";
import { open } from "./shortcuts";
import type { Item } from "./Palette";

const THEMES: Record<Theme, LucideIcon> = { light: Sun, dark: Moon, system: Monitor };

/** What can be done from everywhere, by the words of its name. */
export function useActions(query: string): Item[] {
	const [, navigate] = useLocation();
	const { theme, language } = useSettings();
	const isAdmin = useMe()?.role === "admin";
	const { t } = useTranslation();
	const wanted = query.trim().toLowerCase();
	const to = (path: string) => () => navigate(path);
	const all: [Icon: LucideIcon, id: string, text: string, run: () => void, keys?: string[]][] = [
		[SquarePen, "new", t("sidebar.new"), to("/"), KEYS.new],
		[Cpu, "model", t("finder.switch_model"), () => void open("models"), KEYS.model],
		[Image, "media", t("media.title"), to("/media")],
		[BookOpen, "knowledge", t("account.knowledge"), to("/knowledge")],
		[Settings, "settings", t("settings.title"), to("/settings")],
		[Wallet, "balance", t("settings.balance"), to("/settings/balance")],
		[ChartColumn, "usage", t("settings.usage"), to("/settings/usage")],
		[KeySquare, "api_keys", t("settings.keys"), to("/settings/keys")],
	];
	if (isAdmin) all.push([Shield, "admin", t("account.administration"), to("/admin")]);
	for (const other of (Object.keys(THEMES) as Theme[]).filter((name) => name !== theme))
		all.push([THEMES[other], `theme-${other}`, `${t("settings.theme")}: ${t(`settings.theme_${other}`)}`, () => prefer({ theme: other })]);
	const next = language === "zh" ? "en" : "zh";
	all.push(
		[
			Languages,
			"language",
			next === "zh" ? "语言：中文 · Language: Chinese" : "Language: English · 语言：英文",
			() => prefer({ language: next }),
		],
		[Keyboard, "keys", t("finder.keys_title"), () => void open("keys"), KEYS.keys],
	);
	return all
		.filter(([, , text]) => text.toLowerCase().includes(wanted))
		.map(([Icon, id, text, run, keys]) => ({ id: `action-${id}`, icon: <Icon size={16} />, text, run, hint: keys && <Kbd keys={keys} /> }));
}
