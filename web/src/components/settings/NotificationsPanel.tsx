import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { BellOff, BellRing, Laptop, Send } from "lucide-react";
import { useTranslation } from "react-i18next";
import { deviceName } from "@/lib/device";
import { explain } from "@/lib/explain";
import { dateTime } from "@/lib/format";
import { askPreferences, keep, type Preferences } from "@/lib/preferences";
import { push, type PushDevice, type PushState, stateOf, turnOff, turnOn } from "@/lib/push";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Switch } from "../ui/Field";
import { Empty, Failed, Skeleton } from "../ui/State";

const failed = (e: unknown) => toast("danger", explain(e).text);
const again = () => queryClient.invalidateQueries({ queryKey: keys.push });

/** Which devices are told what has ended, and of what. */
export default function NotificationsPanel() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.push, queryFn: push.get, staleTime: 0 });
	const { t } = useTranslation();
	if (isPending) return <Skeleton className="h-48" />;
	if (error) return <Failed error={error} onRetry={() => void refetch()} />;
	if (data.public_key === null) return <Empty icon={<BellOff size={28} />} title={t("notify.not_here")} hint={t("notify.not_here_text")} />;
	return (
		<div className="flex max-w-md flex-col gap-6">
			<p className="text-sm text-soft">{t("notify.about")}</p>
			<ThisDevice publicKey={data.public_key} known={data.items.find((d) => d.current)} />
			<Wishes />
			<Others devices={data.items.filter((d) => !d.current)} />
		</div>
	);
}

function ThisDevice({ publicKey, known }: { publicKey: string; known: PushDevice | undefined }) {
	const { t } = useTranslation();
	const { data: state } = useQuery({
		queryKey: [...keys.push, "here", known?.id ?? ""],
		queryFn: () => stateOf(known),
		staleTime: 0,
		retry: false,
		placeholderData: keepPreviousData,
	});
	const turn = useMutation({
		mutationFn: async (on: boolean): Promise<PushState | "unreachable"> => {
			if (on) return turnOn(publicKey);
			await turnOff(known);
			return "off";
		},
		onError: failed,
		onSettled: again,
	});
	const test = useMutation({ mutationFn: push.test, onSuccess: () => toast("info", t("notify.test_sent")), onError: failed });
	if (state === undefined) return <Skeleton className="h-16" />;
	const isOn = state === "on";
	return (
		<section aria-labelledby="notify-here" className="flex flex-col gap-3 rounded-xl border border-line bg-surface p-4">
			<div className="flex items-start gap-3">
				{isOn ? <BellRing size={19} aria-hidden className="mt-0.5 shrink-0 text-accent" /> : <BellOff size={19} aria-hidden className="mt-0.5 shrink-0 text-faint" />}
				<div className="min-w-0 grow">
					<h3 id="notify-here" className="text-sm font-medium">
						{t("sessions.this")}
					</h3>
					<p role="status" className="text-sm text-soft">
						{t(`notify.${state}`)}
					</p>
				</div>
			</div>
			{(state === "off" || isOn) && (
				<div className="flex flex-wrap gap-2">
					<Button small look={isOn ? undefined : "solid"} busy={turn.isPending} onClick={() => turn.mutate(!isOn)}>
						{t(isOn ? "notify.turn_off" : "notify.turn_on")}
					</Button>
					{isOn && (
						<Button small icon={<Send size={15} aria-hidden />} busy={test.isPending} onClick={() => test.mutate()}>
							{t("notify.test")}
						</Button>
					)}
				</div>
			)}
			{turn.data === "unreachable" && (
				<p role="alert" className="text-sm text-danger">
					{t("notify.unreachable")}
				</p>
			)}
		</section>
	);
}

const WISHES = ["notify_media", "notify_documents", "notify_answers"] as const satisfies (keyof Preferences)[];

function Wishes() {
	const { t } = useTranslation();
	const { data } = useQuery(askPreferences);
	if (!data) return null;
	return (
		<section aria-labelledby="notify-wishes" className="flex flex-col gap-1">
			<h3 id="notify-wishes" className="text-sm font-medium">
				{t("notify.wishes")}
			</h3>
			{WISHES.map((name) => (
				<Switch
					key={name}
					label={t(`notify.${name}`)}
					on={data[name]}
					onChange={(on) =>
						void keep({ [name]: on }).catch((e: unknown) => {
							failed(e);
							void queryClient.invalidateQueries({ queryKey: keys.preferences });
						})
					}
				/>
			))}
		</section>
	);
}

function Others({ devices }: { devices: PushDevice[] }) {
	const { t } = useTranslation();
	const gone = useMutation({ mutationFn: push.remove, onError: failed, onSettled: again });
	if (devices.length === 0) return null;
	return (
		<section aria-labelledby="notify-others" className="flex flex-col">
			<h3 id="notify-others" className="text-sm font-medium">
				{t("notify.others")}
			</h3>
			<ul className="divide-y divide-line">
				{devices.map((d) => {
					const name = deviceName(d.user_agent) ?? t("sessions.unknown");
					return (
						<li key={d.id} className="flex items-center gap-3 py-3 text-sm">
							<Laptop size={18} aria-hidden className="shrink-0 text-faint" />
							<div className="min-w-0 grow">
								<p className="truncate">{name}</p>
								<p className="text-xs text-faint">{d.last_ok_at ? t("notify.last", { time: dateTime(d.last_ok_at) }) : t("notify.never")}</p>
							</div>
							<Button small aria-label={t("notify.remove", { name })} busy={gone.isPending && gone.variables === d.id} onClick={() => gone.mutate(d.id)}>
								{t("notify.remove_short")}
							</Button>
						</li>
					);
				})}
			</ul>
		</section>
	);
}
