/* What the person is told about turns: toasts for refusals, one notification for an answer that ended elsewhere. */
import { navigate } from "wouter/use-browser-location";
import type { TurnEnd } from "@/api/types";
import { t } from "@/i18n";
import { explain } from "@/lib/explain";
import { known } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { toast, useNotifications } from "@/stores/notices";
import type { LiveTurn } from "@/stores/runtime";
import { useTasks } from "@/stores/tasks";

const chatPath = (id: string) => `/c/${id}`;

export function reportRefused(error: unknown) {
	const { text, detail, topUp } = explain(error);
	toast(topUp ? "warn" : "danger", text, {
		detail,
		action: topUp ? { label: t("errors.top_up"), run: () => navigate("/settings/balance") } : undefined,
	});
}

/** On the screen the answer itself says so. */
export function reportLost(conversationId: string) {
	if (useConversation.getState().activeId !== conversationId) toast("warn", t("chat.lost"));
}

export function reportEnd(
	turn: LiveTurn,
	end: { type: "done" | "error" | "cancelled"; data: TurnEnd },
	activeId: string | null,
) {
	const seen = activeId === turn.conversationId && document.visibilityState === "visible";
	if (!seen && end.type !== "cancelled") notifyEnd(end.data.task_id, turn.conversationId, end.type === "error");
}

/** Tells once that a task ended in a conversation that is not on the screen. */
export function notifyEnd(taskId: string, conversationId: string, failed: boolean) {
	const title = known(conversationId)?.title || t("chat.untitled");
	const fresh = useNotifications.getState().add({ taskId, conversationId, title, failed, completedAt: Date.now() });
	if (!fresh) return;
	useTasks.getState().markFinished(conversationId);
	toast(failed ? "warn" : "ok", t(failed ? "notices.failed" : "notices.finished", { title }), {
		action: { label: t("notices.open"), run: () => navigate(chatPath(conversationId)) },
	});
}
