import { Bell, ChartColumn, Database, KeySquare, Monitor, Palette, ShieldCheck, User, Wallet } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { withTexts } from "@/i18n/texts";
import { cx } from "@/lib/cx";
import { bringIntoView } from "@/lib/scroll";
import { AccountPanel } from "./AccountPanel";
import { AppearancePanel } from "./AppearancePanel";
import { BalancePanel } from "./BalancePanel";
import { SessionsPanel } from "./SessionsPanel";
import { Skeleton } from "../ui/State";

const PANELS = {
	account: { Icon: User, Panel: AccountPanel },
	balance: { Icon: Wallet, Panel: BalancePanel },
	usage: { Icon: ChartColumn, Panel: lazy(() => withTexts(["prices", "usage", "table"], import("./UsagePanel"))) },
	appearance: { Icon: Palette, Panel: AppearancePanel },
	notifications: { Icon: Bell, Panel: lazy(() => withTexts(["notify"], import("./NotificationsPanel"))) },
	password: { Icon: ShieldCheck, Panel: lazy(() => withTexts(["trust"], import("./SecurityPanel"))) },
	sessions: { Icon: Monitor, Panel: SessionsPanel },
	data: { Icon: Database, Panel: lazy(() => withTexts(["sharing", "trust"], import("./DataPanel"))) },
	keys: { Icon: KeySquare, Panel: lazy(() => withTexts(["security"], import("./KeysPanel"))) },
} as const;

export type SettingsTab = keyof typeof PANELS;
const TABS = Object.keys(PANELS) as SettingsTab[];

/** The settings, one panel at a time. `tab` and `onTab` when the address names the panel. */
export function SettingsPanels({ tab, onTab }: { tab?: string; onTab?: (tab: SettingsTab) => void }) {
	const [own, setOwn] = useState<SettingsTab>("account");
	const { t } = useTranslation();
	const current = tab !== undefined && tab in PANELS ? (tab as SettingsTab) : own;
	const { Panel } = PANELS[current];
	return (
		<div className={cx("flex flex-col gap-6 sm:flex-row", !onTab && "h-[min(38rem,calc(100dvh-8rem))] min-h-0")}>
			<div role="tablist" aria-label={t("settings.title")} className="-mx-1 flex shrink-0 gap-1 overflow-x-auto px-1 pb-1 sm:w-40 sm:flex-col">
				{TABS.map((name) => {
					const { Icon } = PANELS[name];
					return (
						<button
							key={name}
							ref={name === current ? bringIntoView : undefined}
							type="button"
							role="tab"
							id={`tab-${name}`}
							aria-selected={name === current}
							aria-controls="settings-panel"
							onClick={() => (onTab ?? setOwn)(name)}
							className={cx(
								"flex h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm whitespace-nowrap transition-colors",
								name === current ? "bg-tint font-medium text-ink" : "text-soft hover:bg-hover",
							)}
						>
							<Icon size={16} aria-hidden className={cx("hidden sm:block", name === current ? "text-accent" : "text-faint")} />
							{t(`settings.${name}`)}
						</button>
					);
				})}
			</div>
			<div role="tabpanel" id="settings-panel" aria-labelledby={`tab-${current}`} className={cx("min-w-0 grow", !onTab && "min-h-0 overflow-y-auto pe-1")}>
				<Suspense fallback={<Skeleton className="h-72" />}>
					<Panel />
				</Suspense>
			</div>
		</div>
	);
}
