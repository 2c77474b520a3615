import { Plus, TriangleAlert, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment, MakeChoice, Model } from "@/api/types";
import { t as translate } from "@/i18n";
import { cx } from "@/lib/cx";
import { credits } from "@/lib/format";
import { costOf, even, type Make, makerFor, OPS, otherFor, type Problem, problemOf, secondsOf, type Shot, withImages, withOp } from "@/lib/making";
import { IconButton } from "../ui/Button";
import { Switch } from "../ui/Field";

interface Props {
	make: Make;
	model: Model;
	makers: Model[];
	words: string;
	attachments: Attachment[];
	onChange: (make: Make) => void;
	/** What stands in the way of sending it; null: nothing. */
	onProblem: (problem: Problem | null) => void;
	/** Leave it; absent where nothing else can be done. */
	onLeave?: () => void;
}

/** What is made, how, and what it costs. */
export default function MakeBar({ make, model, makers, words, attachments, onChange, onProblem, onLeave }: Props) {
	const { t } = useTranslation();
	const images = attachments.length;
	const problem = problemOf(make, model, words, attachments);
	const cost = costOf(make, model);
	const { makes } = model;
	useEffect(() => onProblem(problem), [problem, onProblem]);
	useEffect(() => {
		const other = withImages(make, images, makers);
		if (other !== make) onChange(other);
		// Only when pictures come or go: what is chosen afterwards stands.
	}, [images > 0]);
	const set = (change: Partial<Make>) => onChange({ ...make, ...change });
	return (
		<div role="group" aria-label={t("making.kind")} className="flex flex-col gap-2 border-b border-line px-3 py-2.5">
			<div className="flex flex-wrap items-center gap-2">
				<Pick label={t("making.kind")} value={make.op} onChange={(op) => onChange(withOp(make, op as Make["op"], makers))} strong>
					{OPS.filter((op) => makerFor(op, makers)).map((op) => (
						<option key={op} value={op}>
							{t(`making.ops.${op.replace(".", "_") as "images_generate"}`)}
						</option>
					))}
				</Pick>
				<Choice label={t("making.size")} choices={makes!.sizes} value={make.size ?? makes!.size ?? ""} onChange={(size) => set({ size })} named={sizeName} />
				<Choice label={t("making.resolution")} choices={makes!.resolutions} value={make.resolution ?? makes!.resolution ?? ""} onChange={(resolution) => set({ resolution })} />
				{makes!.n_max > 1 && (
					<Choice
						label={t("making.number")}
						choices={Array.from({ length: makes!.n_max }, (_, i) => ({ value: String(i + 1), factor: 1 }))}
						value={String(make.n ?? 1)}
						onChange={(n) => set({ n: Number(n) })}
						named={(v) => t("making.n_pictures", { n: v })}
					/>
				)}
				{make.op.startsWith("videos.") && (
					<Choice
						label={t("making.seconds")}
						choices={[...makes!.seconds].sort((a, b) => Number(a.value) - Number(b.value))}
						value={make.seconds ?? makes!.length ?? ""}
						onChange={(seconds) => set({ seconds, ...(make.shots && { shots: even(Number(seconds), make.shots.length, make.shots.map((s) => s.scene)) }) })}
						named={(v) => t("making.n_seconds", { n: v })}
					/>
				)}
				<span className="ms-auto flex items-center gap-1">
					<span className="text-sm text-soft tabular-nums" data-testid="make-cost">
						{cost === null ? t("making.no_price") : t("making.costs", { credits: credits(cost) })}
					</span>
					{onLeave && (
						<IconButton small label={t("making.leave")} onClick={onLeave}>
							<X size={15} />
						</IconButton>
					)}
				</span>
			</div>
			{makes!.has_watermark && <Switch label={t("making.no_watermark")} on={make.noWatermark ?? false} onChange={(noWatermark) => set({ noWatermark })} />}
			{make.op === "videos.storyboard" && <Shots shots={make.shots ?? []} seconds={secondsOf(make, model)} onChange={(shots) => set({ shots })} />}
			{problem && problem !== "words_missing" && <Trouble {...{ problem, make, model, makers, words, attachments, onChange }} />}
		</div>
	);
}

function sizeName(value: string): string {
	return value === "auto" || value === "landscape" || value === "portrait" ? translate(`making.sizes.${value}`) : value;
}

function Pick({ label, strong, onChange, ...rest }: { label: string; value: string; strong?: boolean; onChange: (value: string) => void; children: React.ReactNode }) {
	return (
		<select
			{...rest}
			aria-label={label}
			title={label}
			onChange={(e) => onChange(e.target.value)}
			className={cx(
				"h-9 max-w-full rounded-lg border px-2 text-sm",
				strong ? "border-transparent bg-tint font-medium text-accent" : "border-line bg-raised text-ink",
			)}
		/>
	);
}

/** Nothing where there is nothing to choose. */
function Choice({ label, choices, value, onChange, named }: { label: string; choices: MakeChoice[]; value: string; onChange: (value: string) => void; named?: (value: string) => string }) {
	const { t } = useTranslation();
	if (choices.length === 0) return null;
	return (
		<Pick label={label} value={value} onChange={onChange}>
			{value === "" && <option value="">{`${label}: ${t("making.auto")}`}</option>}
			{choices.map((c) => (
				<option key={c.value} value={c.value}>
					{named ? named(c.value) : c.value}
				</option>
			))}
		</Pick>
	);
}

const SHOTS_MAX = 10;

/** What is seen, one after the other, and for how long. */
function Shots({ shots, seconds, onChange }: { shots: Shot[]; seconds: number; onChange: (shots: Shot[]) => void }) {
	const { t } = useTranslation();
	const change = (at: number, shot: Partial<Shot>) => onChange(shots.map((s, i) => (i === at ? { ...s, ...shot } : s)));
	const sum = Math.round(shots.reduce((all, s) => all + s.duration, 0) * 10) / 10;
	const scenes = shots.map((s) => s.scene);
	return (
		<div className="flex flex-col gap-2">
			<ol className="-m-1 flex max-h-60 flex-col gap-2 overflow-y-auto p-1">
				{shots.map((shot, i) => (
					<li key={i} className="flex items-center gap-2">
						<span aria-hidden className="w-4 shrink-0 text-end text-xs text-faint tabular-nums">
							{i + 1}
						</span>
						<input
							value={shot.scene}
							maxLength={2000}
							aria-label={t("making.scene", { n: i + 1 })}
							placeholder={t("making.scene", { n: i + 1 })}
							onChange={(e) => change(i, { scene: e.target.value })}
							className="h-9 min-w-0 grow rounded-lg border border-line bg-raised px-2.5 text-sm placeholder:text-faint"
						/>
						<input
							type="number"
							min={0.1}
							max={seconds}
							step={0.1}
							value={shot.duration}
							aria-label={t("making.duration", { n: i + 1 })}
							onChange={(e) => change(i, { duration: Number(e.target.value) })}
							className="h-9 w-18 rounded-lg border border-line bg-raised px-2 text-sm tabular-nums"
						/>
						<IconButton small label={t("making.drop_scene", { n: i + 1 })} disabled={shots.length === 1} onClick={() => onChange(even(seconds, shots.length - 1, scenes.filter((_, k) => k !== i)))}>
							<X size={14} />
						</IconButton>
					</li>
				))}
			</ol>
			<div className="flex items-center justify-between gap-2 ps-6 text-xs text-faint tabular-nums">
				<button
					type="button"
					disabled={shots.length >= SHOTS_MAX}
					onClick={() => onChange(even(seconds, shots.length + 1, scenes))}
					className="flex h-8 items-center gap-1.5 rounded-lg px-2 text-sm text-accent hover:bg-hover disabled:opacity-50"
				>
					<Plus size={14} aria-hidden />
					{t("making.add_scene")}
				</button>
				<span className={sum === seconds ? "" : "text-danger"}>{t("making.of_seconds", { sum, seconds })}</span>
			</div>
		</div>
	);
}

/** Why it cannot be made like that, and by what model it could. */
function Trouble({ problem, make, model, makers, words, attachments, onChange }: Pick<Props, "make" | "model" | "makers" | "words" | "attachments" | "onChange"> & { problem: Problem }) {
	const { t } = useTranslation();
	const other = problem === "shots" || problem === "words_long" ? null : otherFor(make, makers, words, attachments);
	const otherModel = makers.find((m) => m.name === other?.model);
	const name = model.display_name || model.name;
	const most = make.op === "videos.from_image" ? 1 : model.makes!.images_max;
	return (
		<p role="alert" className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg bg-warn-tint px-3 py-2 text-sm text-ink">
			<TriangleAlert size={16} aria-hidden className="shrink-0 text-warn" />
			<span className="grow">{t(`making.problems.${problem}`, { name, most, max: model.makes!.prompt_max, seconds: secondsOf(make, model) })}</span>
			{other && otherModel && (
				<button type="button" onClick={() => onChange(other)} className="font-medium text-accent hover:underline">
					{t("conflict.use", { name: otherModel.display_name || otherModel.name })}
				</button>
			)}
		</p>
	);
}
