import { useQuery } from "@tanstack/react-query";
import { Film, Image, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { making } from "@/api/making";
import { credits } from "@/lib/format";
import { type Kind, progressOf } from "@/lib/making";
import { refreshMessages } from "@/queries/messages";
import { isLive, useTasks } from "@/stores/tasks";
import { costOfStopping, stopMaking } from "@/stream/make";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";

const LOOK_EVERY_MS = 5000; // should no event tell

interface Props {
	kind: Kind;
	/** Null: it is being asked for. */
	taskId: string | null;
	conversationId: string | null;
}

/** Where a picture or film will be, and how far it is. */
export default function Making({ kind, taskId, conversationId }: Props) {
	const [stopping, setStopping] = useState(false);
	const told = useTasks((s) => (taskId === null ? undefined : s.active[taskId]?.progress));
	const { t } = useTranslation();
	const { data: task } = useQuery({
		queryKey: ["making", taskId],
		queryFn: () => making.get(taskId!),
		enabled: taskId !== null,
		refetchInterval: LOOK_EVERY_MS,
	});
	const hasEnded = task !== undefined && !isLive(task.status);
	useEffect(() => {
		if (!hasEnded) return;
		useTasks.getState().completeTask(task.id);
		if (conversationId) void refreshMessages(conversationId);
	}, [hasEnded, task, conversationId]);

	const progress = progressOf(task, told);
	const Sign = kind === "video" ? Film : Image;
	return (
		<div role="group" aria-label={t(`making.making_${kind}`)} className="my-1 flex w-full max-w-sm flex-col gap-4 rounded-xl border border-line bg-surface p-4">
			<div className="flex items-center gap-3">
				<Sign size={20} aria-hidden className="shrink-0 animate-breathe text-accent" />
				<span className="grow text-sm text-soft">{t(`making.making_${kind}`)}</span>
				<span className="text-sm text-faint tabular-nums">{progress}%</span>
			</div>
			<ProgressBar progress={progress} />
			<Button small look="ghost" disabled={taskId === null} icon={<X size={15} aria-hidden />} onClick={() => setStopping(true)} className="self-end">
				{t("making.stop")}
			</Button>
			{stopping && taskId !== null && <StopMaking taskId={taskId} conversationId={conversationId} onClose={() => setStopping(false)} />}
		</div>
	);
}

export function ProgressBar({ progress }: { progress: number }) {
	const { t } = useTranslation();
	return (
		<div role="progressbar" aria-label={t("making.progress")} aria-valuenow={progress} aria-valuemin={0} aria-valuemax={100} className="h-1.5 min-w-0 grow overflow-hidden rounded-full bg-hover">
			<div className="h-full rounded-full bg-accent transition-[width] duration-700" style={{ width: `${Math.max(3, progress)}%` }} />
		</div>
	);
}

/** What it costs is said before it is stopped. */
export function StopMaking({ taskId, conversationId, onClose }: { taskId: string; conversationId: string | null; onClose: () => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const { data } = useQuery({ queryKey: ["making", taskId, "stop"], queryFn: () => costOfStopping(taskId), staleTime: 0, refetchInterval: 2000 });
	const text = !data ? t("making.stop_hint") : data.cost > 0 ? t("making.stop_costs", { credits: credits(data.cost) }) : t("making.stop_free");
	useEffect(() => {
		if (data && !data.live) onClose();
	}, [data, onClose]);
	const stop = async () => {
		setBusy(true);
		await stopMaking(taskId, conversationId);
		onClose();
	};
	return <Confirm title={t("making.stop_title")} text={text} action={t("making.stop")} busy={busy} onConfirm={() => void stop()} onClose={onClose} />;
}
