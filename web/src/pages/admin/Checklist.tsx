/* What is to be set up before users come. Each item is the state of the site itself; the backups nobody but the operator knows of. */
import { Circle, CircleCheck, CircleDashed } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { Overview } from "@/api/types";
import { Button } from "@/components/ui/Button";
import { recall, remember } from "@/lib/kept";

const AWAY = "weir.checklist.away";
const BACKUP = "weir.checklist.backup";
const ITEMS = ["channel", "model", "mail", "https", "gift"] as const;
const PLACES: Partial<Record<(typeof ITEMS)[number], string>> = { channel: "/admin/channels", model: "/admin/models" };

export function Checklist({ setup }: { setup: Overview["setup"] }) {
	const [away, setAway] = useState(() => recall(AWAY));
	const [backup, setBackup] = useState(() => recall(BACKUP));
	const { t } = useTranslation();
	// Whether accounts get a gift is a decision, and none is left undone by it.
	const needed = [...ITEMS.filter((item) => item !== "gift").map((item) => setup[item]), backup];
	const done = needed.filter(Boolean).length;
	if (done === needed.length) return null;
	const putAway = (value: boolean) => {
		remember(AWAY, value);
		setAway(value);
	};
	if (away)
		return (
			<Button small look="ghost" onClick={() => putAway(false)} className="self-start">
				{t("overview.bring_back")} · {t("overview.setup_done", { done, all: needed.length })}
			</Button>
		);
	return (
		<section aria-label={t("overview.setup")} className="rounded-xl border border-line bg-raised p-4">
			<div className="mb-2 flex flex-wrap items-center gap-x-3">
				<h3 className="font-medium">{t("overview.setup")}</h3>
				<p className="grow text-xs text-faint tabular-nums">{t("overview.setup_done", { done, all: needed.length })}</p>
				<Button small look="ghost" onClick={() => putAway(true)}>
					{t("overview.put_away")}
				</Button>
			</div>
			<ul className="divide-y divide-line">
				{ITEMS.map((item) => (
					<Item key={item} name={t(`overview.${item}`)} done={setup[item]} choice={item === "gift"} to={PLACES[item]}>
						{item === "gift" && setup.gift ? t("overview.gift_done") : t(`overview.${item}_hint`)}
					</Item>
				))}
				<Item name={t("overview.backup")} done={backup}>
					{t("overview.backup_hint")}
					{!backup && (
						<div className="pt-2">
							<Button
								small
								onClick={() => {
									remember(BACKUP, true);
									setBackup(true);
								}}
							>
								{t("overview.backup_tick")}
							</Button>
						</div>
					)}
				</Item>
			</ul>
		</section>
	);
}

interface ItemProps {
	name: string;
	done: boolean;
	/** Both ways are right. */
	choice?: boolean;
	to?: string;
	children: React.ReactNode;
}

function Item({ name, done, choice, to, children }: ItemProps) {
	const { t } = useTranslation();
	const Sign = done ? CircleCheck : choice ? CircleDashed : Circle;
	return (
		<li className="flex gap-3 py-2.5 text-sm">
			<Sign size={18} role="img" aria-label={t(done ? "overview.is_done" : choice ? "overview.decide" : "overview.is_open")} className={done ? "mt-0.5 shrink-0 text-ok" : "mt-0.5 shrink-0 text-faint"} />
			<div className="min-w-0">
				{to && !done ? (
					<Link href={to} className="inline-flex font-medium text-accent hover:underline">
						{name}
					</Link>
				) : (
					<p className="font-medium">{name}</p>
				)}
				{(!done || choice) && <div className="text-soft">{children}</div>}
			</div>
		</li>
	);
}
