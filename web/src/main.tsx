import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { NetworkError } from "@/api/errors";
import { onSignOut, resume, useSession } from "@/api/session";
import { App } from "@/App";
import { startI18n, t } from "@/i18n";
import { recall } from "@/lib/kept";
import { queryClient } from "@/queries/client";
import { useCompare } from "@/stores/compare";
import { useConversation } from "@/stores/conversation";
import { toast, useNotifications } from "@/stores/notices";
import { watchTheme } from "@/stores/settings";
import { useTasks } from "@/stores/tasks";
import { dropAllTurns } from "@/stream/turns";
import "./styles.css";

// Nothing of one person is left for the next.
onSignOut(() => {
	dropAllTurns();
	queryClient.clear();
	useTasks.getState().clear();
	useNotifications.getState().clear();
	useConversation.getState().clear();
	useCompare.getState().clear();
	if (recall("weir.push")) void import("@/lib/push").then((push) => push.forget()).catch(() => undefined);
});

/** A server that cannot be reached is not a sign-out: it is asked again. */
async function openSession() {
	for (let attempt = 0; useSession.getState().status === "unknown"; attempt += 1) {
		try {
			await resume();
		} catch (e) {
			if (attempt === 0) toast("warn", e instanceof NetworkError ? t("errors.network") : t("errors.server"));
		}
		if (useSession.getState().status === "unknown") await new Promise((done) => setTimeout(done, 5_500));
	}
}

watchTheme();
await Promise.race([startI18n(), new Promise((done) => setTimeout(done, 8_000))]);
createRoot(document.getElementById("root")!).render(
	<StrictMode>
		<App />
	</StrictMode>,
);
void openSession();
if (import.meta.env.PROD && "serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
