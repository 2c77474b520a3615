import { Image, PanelLeftClose, Search, SquarePen, X } from "lucide-react";
import { lazy, Suspense, useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { withTexts } from "@/i18n/texts";
import { useTasks } from "@/stores/tasks";
import { IconButton } from "../ui/Button";
import { Logo } from "../ui/Logo";
import { AccountMenu } from "./AccountMenu";
import { NotificationBell } from "./NotificationBell";

// Not with the page: it is empty until its data are there.
const ConversationList = lazy(() => withTexts(["order"], import("../order/ConversationList")));

interface Props {
	onHide: () => void;
	/** After something was chosen: a drawer closes. */
	onChosen: () => void;
	onSettings: () => void;
}

export function Sidebar({ onHide, onChosen, onSettings }: Props) {
	const [search, setSearch] = useState("");
	const wanted = useDeferredValue(search.trim());
	const { t } = useTranslation();
	return (
		<aside aria-label={t("sidebar.label")} className="flex h-full w-72 max-w-[85vw] flex-col bg-surface pt-[env(safe-area-inset-top)]">
			<header className="flex items-center justify-between p-3 pb-2">
				<span className="flex items-center gap-2.5 ps-1 text-lg font-semibold tracking-tight">
					<Logo size={26} />
					{t("app.name")}
				</span>
				<span className="flex">
					<IconButton
						small
						label={t("sidebar.find")}
						onClick={() => {
							onChosen();
							void import("../finder/shortcuts").then(({ open }) => open("all"));
						}}
					>
						<Search size={17} />
					</IconButton>
					<IconButton small label={t("sidebar.hide")} onClick={onHide}>
						<PanelLeftClose size={18} />
					</IconButton>
				</span>
			</header>
			<div className="flex flex-col gap-2 px-3 pb-3">
				<Link
					href="/"
					onClick={onChosen}
					className="flex h-10 items-center gap-2.5 rounded-lg border border-line bg-raised px-3 text-sm font-medium transition-colors hover:bg-hover"
				>
					<SquarePen size={16} aria-hidden className="text-accent" />
					{t("sidebar.new")}
				</Link>
				<MadeLink onClick={onChosen} />
				<div className="relative">
					<Search size={15} aria-hidden className="absolute start-3 top-3 text-faint" />
					<input
						type="search"
						value={search}
						maxLength={200}
						aria-label={t("sidebar.search")}
						placeholder={t("sidebar.search")}
						onChange={(e) => setSearch(e.target.value)}
						className="h-9.5 w-full appearance-none rounded-lg border border-transparent bg-transparent ps-9 pe-9 text-sm placeholder:text-faint hover:bg-hover focus:border-line focus:bg-raised [&::-webkit-search-cancel-button]:hidden"
					/>
					{search && (
						<IconButton small label={t("sidebar.clear_search")} onClick={() => setSearch("")} className="absolute end-0.5 top-0.5">
							<X size={14} />
						</IconButton>
					)}
				</div>
			</div>
			<div className="min-h-0 grow">
				<Suspense>
					<ConversationList search={wanted} onOpen={onChosen} />
				</Suspense>
			</div>
			<footer className="flex items-center gap-1 border-t border-line p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
				<AccountMenu onSettings={onSettings} />
				<NotificationBell />
			</footer>
		</aside>
	);
}

/** The way to what was made; how much is in the making. */
function MadeLink({ onClick }: { onClick: () => void }) {
	const running = useTasks((s) => Object.values(s.active).filter((task) => task.made).length);
	const { t } = useTranslation();
	return (
		<Link href="/media" onClick={onClick} className="flex h-9.5 items-center gap-2.5 rounded-lg px-3 text-sm text-soft transition-colors hover:bg-hover hover:text-ink">
			<Image size={16} aria-hidden className="text-faint" />
			<span className="grow">{t("media.title")}</span>
			{running > 0 && (
				<span role="status" aria-label={t("media.running", { number: running })} className="min-w-5 rounded-full bg-accent px-1.5 text-center text-xs/5 font-medium text-on-accent tabular-nums">
					{running}
				</span>
			)}
		</Link>
	);
}
