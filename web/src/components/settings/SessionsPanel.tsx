import { useMutation, useQuery } from "@tanstack/react-query";
import { Laptop, LogOut } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { end } from "@/api/session";
import type { Device } from "@/api/types";
import { me as api } from "@/api/weir";
import { explain } from "@/lib/explain";
import { dateTime } from "@/lib/format";
import { deviceName } from "@/lib/device";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { Failed, Skeleton } from "../ui/State";

export function SessionsPanel() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.sessions, queryFn: api.sessions, staleTime: 0 });
	const [confirming, setConfirming] = useState(false);
	const { t } = useTranslation();
	const everywhere = useMutation({
		mutationFn: () => api.revokeAll(false),
		onSuccess: () => end(),
		onError: (e) => toast("danger", explain(e).text),
	});
	if (isPending) return <Skeleton className="h-32" />;
	if (error) return <Failed error={error} onRetry={() => void refetch()} />;
	return (
		<div className="flex flex-col gap-4">
			<ul className="divide-y divide-line">
				{data.items.map((d) => (
					<DeviceRow key={d.id} device={d} />
				))}
			</ul>
			<Button look="danger" icon={<LogOut size={16} aria-hidden />} onClick={() => setConfirming(true)} className="self-start">
				{t("sessions.everywhere")}
			</Button>
			{confirming && (
				<Confirm
					title={t("sessions.everywhere")}
					text={t("sessions.everywhere_text")}
					action={t("sessions.everywhere")}
					busy={everywhere.isPending}
					onConfirm={() => everywhere.mutate()}
					onClose={() => setConfirming(false)}
				/>
			)}
		</div>
	);
}

function DeviceRow({ device }: { device: Device }) {
	const { t } = useTranslation();
	const { mutate, isPending } = useMutation({
		mutationFn: () => api.revokeSession(device.id),
		onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.sessions }),
		onError: (e) => toast("danger", explain(e).text),
	});
	return (
		<li className="flex items-center gap-3 py-3 text-sm">
			<Laptop size={18} aria-hidden className="shrink-0 text-faint" />
			<div className="min-w-0 grow">
				<p className="truncate" title={device.user_agent ?? undefined}>
					{deviceName(device.user_agent) ?? t("sessions.unknown")}
				</p>
				<p className="text-xs text-faint">
					{device.ip} · {dateTime(device.created_at)}
				</p>
			</div>
			{device.current ? (
				<span className="shrink-0 rounded-full bg-tint px-2.5 py-0.5 text-xs text-accent">{t("sessions.this")}</span>
			) : (
				<Button small busy={isPending} onClick={() => mutate()}>
					{t("auth.sign_out")}
				</Button>
			)}
		</li>
	);
}
