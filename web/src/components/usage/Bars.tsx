import { useState } from "react";
import { useTranslation } from "react-i18next";
import { count, credits } from "@/lib/format";
import { type Day, dayName, hourName, roundTop } from "@/lib/usage";
import { SumsTable } from "./parts";

const HEIGHT = 100;

/** Credits by day or by hour, as bars and as a table. The bars are for who sees them: the table says the same, and more. */
export function Bars({ days, hours }: { days: Day[]; hours?: boolean }) {
	const [shown, setShown] = useState<number | null>(null);
	const { t } = useTranslation();
	const top = roundTop(Math.max(0, ...days.map((d) => d.cost)));
	const nameOf = hours ? hourName : dayName;
	const title = t(hours ? "usage.by_hour" : "usage.by_day");
	const day = shown === null ? undefined : days[shown];
	const marks = [0, Math.floor((days.length - 1) / 2), days.length - 1];
	const at = (e: React.PointerEvent<SVGSVGElement>) => {
		const { left, width } = e.currentTarget.getBoundingClientRect();
		setShown(Math.min(days.length - 1, Math.max(0, Math.floor(((e.clientX - left) / width) * days.length))));
	};
	return (
		<figure className="rounded-xl border border-line bg-raised p-4">
			<figcaption className="mb-3 flex flex-wrap items-baseline justify-between gap-x-4 text-sm">
				<span className="font-medium">{title}</span>
				<span className="text-xs text-faint tabular-nums">
					{day ? t("usage.of_day", { day: nameOf(day.name), credits: credits(day.cost), calls: count(day.calls) }) : t(hours ? "usage.utc_hours" : "usage.utc")}
				</span>
			</figcaption>
			<div aria-hidden className="grid grid-cols-[auto_1fr] gap-x-2 text-xs text-faint tabular-nums">
				<div className="-my-2 flex flex-col items-end justify-between">
					<span>{credits(top)}</span>
					<span>{credits(top / 2)}</span>
					<span>0</span>
				</div>
				<svg
					viewBox={`0 0 ${days.length} ${HEIGHT}`}
					preserveAspectRatio="none"
					className="h-40 w-full min-w-0 touch-pan-y"
					onPointerMove={at}
					onPointerDown={at}
					onPointerLeave={(e) => e.pointerType === "mouse" && setShown(null)}
				>
					{[0, 0.5, 1].map((part) => (
						<path key={part} d={`M0 ${HEIGHT * part}H${days.length}`} vectorEffect="non-scaling-stroke" className="stroke-line" />
					))}
					{days.map((d, i) => (
						<g key={d.name}>
							{i === shown && <rect x={i} y={0} width={1} height={HEIGHT} className="fill-hover" />}
							<rect data-day={d.name} x={i + 0.14} width={0.72} {...bar(d.cost, top)} className={i === shown ? "fill-accent-strong" : "fill-accent"} />
						</g>
					))}
				</svg>
				<div className="col-start-2 mt-2 flex justify-between">
					{marks.map((i) => (
						<span key={i}>{days[i] && nameOf(days[i].name)}</span>
					))}
				</div>
			</div>
			<details className="mt-3 text-sm">
				<summary className="w-fit rounded text-xs text-faint hover:text-ink">{t("usage.as_table")}</summary>
				<div className="@container mt-2">
					<SumsTable label={title} head={t(hours ? "usage.hour" : "usage.day")} items={[...days].reverse()} nameOf={nameOf} atOnce={days.length} className="max-h-80 overflow-y-auto" />
				</div>
			</details>
		</figure>
	);
}

/** What was used is seen, be it ever so little. */
function bar(value: number, top: number) {
	const height = value > 0 ? Math.max(1, (value / top) * HEIGHT) : 0;
	return { y: HEIGHT - height, height };
}
