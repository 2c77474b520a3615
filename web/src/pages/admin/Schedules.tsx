import { useQuery } from "@tanstack/react-query";
import { CalendarClock, Pencil, Play } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { jobs } from "@/api/jobs";
import type { Schedule } from "@/api/types";
import { IconButton } from "@/components/ui/Button";
import { Input, Switch } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { At } from "@/components/usage/parts";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { AreaHead, attempt, type Column, FormDialog, Loading, Table, Wide } from "./parts";

const WIDE = "hidden @2xl:table-cell";
const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin("jobs") });

/** What is done by the calendar. */
export function Schedules() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.admin("jobs", "schedules"), queryFn: jobs.schedules, staleTime: 0 });
	const [edited, setEdited] = useState<Schedule | null>(null);
	const { t } = useTranslation();
	const columns: Column<Schedule>[] = [
		{
			name: "name",
			head: t("jobs.kind"),
			value: (s) => s.name,
			cell: (s) => (
				<>
					<p className="font-medium">{s.name}</p>
					<p className="font-mono text-xs text-faint @2xl:hidden">{s.cron}</p>
				</>
			),
		},
		{ name: "cron", head: t("jobs.when"), wide: WIDE, className: "font-mono text-xs whitespace-nowrap", cell: (s) => s.cron },
		{ name: "zone", head: t("jobs.zone"), value: (s) => s.time_zone, wide: WIDE, cell: (s) => s.time_zone },
		{
			name: "next",
			head: t("jobs.next"),
			number: true,
			value: (s) => (s.enabled ? s.next_at : null),
			cell: (s) => (s.enabled && s.next_at ? <At time={s.next_at} /> : t(s.enabled ? "jobs.never" : "jobs.off")),
		},
		{ name: "last", head: t("jobs.last"), number: true, value: (s) => s.last_at, wide: WIDE, cell: (s) => (s.last_at ? <At time={s.last_at} /> : t("jobs.never")) },
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			className: "whitespace-nowrap",
			cell: (s) => (
				<>
					<IconButton label={`${t("jobs.run_now")}: ${s.name}`} onClick={() => run(s, t("jobs.queued"))}>
						<Play size={16} aria-hidden />
					</IconButton>
					<IconButton label={`${t("common.edit")}: ${s.name}`} onClick={() => setEdited(s)}>
						<Pencil size={16} aria-hidden />
					</IconButton>
				</>
			),
		},
	];
	return (
		<section>
			<AreaHead title={t("jobs.schedules")} />
			{isPending && <Loading />}
			{error && !data && <Failed error={error} onRetry={() => void refetch()} />}
			{data?.items.length === 0 && <Empty icon={<CalendarClock size={26} />} title={t("jobs.no_schedules")} />}
			{data && data.items.length > 0 && <Table tight label={t("jobs.schedules")} rows={data.items} columns={columns} rowKey={(s) => s.name} pageSize={25} />}
			{edited && <ScheduleDialog schedule={edited} onClose={() => setEdited(null)} />}
		</section>
	);
}

function run(s: Schedule, done: string) {
	void attempt(async () => {
		await jobs.runSchedule(s.name);
		toast("ok", done);
	}).then(refresh);
}

function ScheduleDialog({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
	const [form, setForm] = useState({ cron: schedule.cron, time_zone: schedule.time_zone, enabled: schedule.enabled });
	const { t } = useTranslation();
	const save = async () => {
		await jobs.patchSchedule(schedule.name, { ...form, cron: form.cron.trim(), time_zone: form.time_zone.trim() });
		await refresh();
	};
	return (
		<FormDialog title={t("jobs.edit", { name: schedule.name })} save={save} onClose={onClose}>
			<Input autoFocus required label={t("jobs.cron")} hint={t("jobs.cron_hint")} value={form.cron} onChange={(e) => setForm({ ...form, cron: e.target.value })} />
			<Input required label={t("jobs.zone")} placeholder="Europe/Berlin" value={form.time_zone} onChange={(e) => setForm({ ...form, time_zone: e.target.value })} />
			<Wide>
				<Switch label={t("jobs.enabled")} on={form.enabled} onChange={(enabled) => setForm({ ...form, enabled })} />
			</Wide>
		</FormDialog>
	);
}
