import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Chat } from "@/components/chat/Chat";
import { fetchMenus } from "@/components/chat/later";
import { Sidebar } from "@/components/chat/Sidebar";
import { ErrorBoundary } from "@/components/ui/ErrorBoundary";
import { useIsWide } from "@/hooks/useMedia";
import { withTexts } from "@/i18n/texts";
import { recall, remember } from "@/lib/kept";
import { useConversations } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { useSettings } from "@/stores/settings";
import { useTasks } from "@/stores/tasks";

const Welcome = lazy(() => withTexts(["welcome"], import("@/components/chat/Welcome")));
const SettingsModal = lazy(() => withTexts(["auth", "settings"], import("@/components/chat/SettingsModal")));

export default function ChatPage({ conversationId }: { conversationId: string | null }) {
	const wide = useIsWide();
	const { sidebarOpen, change } = useSettings();
	const [drawer, setDrawer] = useState(false);
	const [settings, setSettings] = useState(false);
	const shown = wide && sidebarOpen;
	const closeDrawer = useCallback(() => setDrawer(false), []);
	const openSettings = useCallback(() => {
		setDrawer(false);
		setSettings(true);
	}, []);
	useActive(conversationId);
	const { first, seen } = useFirstVisit();
	useEffect(() => whenIdle(fetchMenus), []);

	return (
		<div className="flex h-full overflow-hidden">
			{shown && (
				<div className="shrink-0 border-e border-line">
					<Sidebar onHide={() => change({ sidebarOpen: false })} onChosen={closeDrawer} onSettings={openSettings} />
				</div>
			)}
			{!wide && drawer && (
				<Drawer onClose={closeDrawer}>
					<Sidebar onHide={closeDrawer} onChosen={closeDrawer} onSettings={openSettings} />
				</Drawer>
			)}
			<ErrorBoundary resetKey={conversationId}>
				<Chat
					conversationId={conversationId}
					sidebarShown={shown}
					onShowSidebar={() => (wide ? change({ sidebarOpen: true }) : setDrawer(true))}
				/>
			</ErrorBoundary>
			{first && (
				<Suspense>
					<Welcome onClose={seen} />
				</Suspense>
			)}
			{settings && (
				<Suspense>
					<SettingsModal onClose={() => setSettings(false)} />
				</Suspense>
			)}
		</div>
	);
}

const WELCOME = "weir.welcome";

/** Somebody without a conversation, who has not been shown around, on this device or another. */
function useFirstVisit() {
	const [first, setFirst] = useState(false);
	const { items, isSuccess } = useConversations({ view: "loose", q: "" });
	const isEmpty = isSuccess && items.length === 0;
	useEffect(() => {
		if (!isEmpty || recall(WELCOME)) return;
		let over = false;
		void import("@/lib/preferences")
			.then((preferences) => preferences.adopt())
			.then(
				(wasSeen) => {
					if (wasSeen) remember(WELCOME, true);
					else if (!over) setFirst(true);
				},
				() => undefined,
			);
		return () => {
			over = true;
		};
	}, [isEmpty]);
	return {
		first,
		seen: () => {
			remember(WELCOME, true);
			setFirst(false);
			void import("@/lib/preferences").then((preferences) => preferences.keep({ welcome_seen: true })).catch(() => undefined);
		},
	};
}

/** Not every browser can say that it is idle. */
function whenIdle(then: () => void) {
	if ("requestIdleCallback" in window) requestIdleCallback(then, { timeout: 5_000 });
	else setTimeout(then, 2_000);
}

/** The stores know what is on the screen; looking at a conversation clears its badge. */
function useActive(id: string | null) {
	const setActive = useConversation((s) => s.setActive);
	const finished = useTasks((s) => (id === null ? 0 : (s.finished[id] ?? 0)));
	const markSeen = useTasks((s) => s.markSeen);
	useEffect(() => {
		setActive(id);
		return () => setActive(null);
	}, [id, setActive]);
	useEffect(() => {
		if (id !== null && finished > 0 && document.visibilityState === "visible") markSeen(id);
	}, [id, finished, markSeen]);
	useEffect(() => {
		const look = () => id !== null && document.visibilityState === "visible" && markSeen(id);
		document.addEventListener("visibilitychange", look);
		return () => document.removeEventListener("visibilitychange", look);
	}, [id, markSeen]);
}

/** The sidebar over the page, on a phone. */
function Drawer({ children, onClose }: { children: React.ReactNode; onClose: () => void }) {
	const { t } = useTranslation();
	useEffect(() => {
		const onKey = (e: KeyboardEvent) => e.key === "Escape" && !e.defaultPrevented && onClose();
		document.addEventListener("keydown", onKey);
		return () => document.removeEventListener("keydown", onKey);
	}, [onClose]);
	return (
		<div className="fixed inset-0 z-40 flex">
			<button type="button" aria-label={t("sidebar.hide")} onClick={onClose} className="absolute inset-0 animate-fade bg-veil" />
			<div className="relative h-full animate-rise shadow-lift">{children}</div>
		</div>
	);
}
