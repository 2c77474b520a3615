import type { TFunction } from "i18next";
import { ArrowLeft, AudioLines, Brain, Check, Columns2, Eye, Film, Image, Wrench } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { cx } from "@/lib/cx";
import { compact, credits } from "@/lib/format";
import { OTHERS_MAX, othersOf, useCompare } from "@/stores/compare";
import { NEW } from "@/stores/conversation";
import { Button, IconButton } from "../ui/Button";
import { Popover } from "../ui/Menu";

const ABILITIES = { vision: Eye, reasoning: Brain, audio: AudioLines, video: Film, tools: Wrench } as const;

interface Props {
	conversationId: string | null;
	anchor: HTMLElement;
	models: Model[];
	model: Model | undefined;
	onSelect: (name: string) => void;
	onClose: () => void;
}

/** Above this many there is a field to search them. */
const MANY = 8;
const GROUPS = ["chat", "image", "video"] as const;

/**
 * Those that answer, those that make pictures, those that make films; with a search once they are many. Those that
 * answer may be compared: others are chosen that are asked beside the one.
 */
export function ModelList({ conversationId, anchor, models, model, onSelect, onClose }: Props) {
	const [search, setSearch] = useState("");
	const [comparing, setComparing] = useState(false);
	const key = conversationId ?? NEW;
	const others = useCompare((s) => s.chosen);
	const choose = useCompare((s) => s.choose);
	const box = useRef<HTMLDivElement>(null);
	const { t } = useTranslation();
	const chat = models.filter((m) => !m.makes);
	const beside = othersOf(others, key, model?.name);
	const listed = comparing ? chat.filter((m) => m.id !== model?.id) : models;
	const many = listed.length > MANY;
	const wanted = search.trim().toLowerCase();
	const found = wanted === "" ? listed : listed.filter((m) => `${m.display_name ?? ""} ${m.name}`.toLowerCase().includes(wanted));
	const groups = GROUPS.map((type) => ({ type, items: found.filter((m) => (m.makes ? m.type : "chat") === type) })).filter((g) => g.items.length > 0);
	const turnTo = (compare: boolean) => {
		setSearch("");
		setComparing(compare);
	};
	// What had the focus is gone.
	useEffect(() => {
		if (comparing) box.current?.querySelector<HTMLElement>('[role="option"]')?.focus();
	}, [comparing]);
	const pick = ({ name }: Model) => {
		if (!comparing) {
			onSelect(name);
			onClose();
		} else if (beside.includes(name)) choose(key, beside.filter((other) => other !== name));
		else choose(key, [...beside.slice(0, OTHERS_MAX - 1), name]);
	};
	const onKeyDown = (e: KeyboardEvent<HTMLDivElement>) => {
		const stops = [...e.currentTarget.querySelectorAll<HTMLElement>('input, [role="option"], button:not([role])')];
		const at = stops.indexOf(document.activeElement as HTMLElement);
		if (e.key === "Enter" && stops[at]?.tagName === "INPUT") e.currentTarget.querySelector<HTMLElement>('[role="option"]')?.click();
		const options = stops.filter((stop) => stop.getAttribute("role") === "option");
		const to = { ArrowDown: stops[at + 1] ?? stops[0], ArrowUp: stops.at(at - 1), ...(stops[at]?.tagName !== "INPUT" && { Home: options[0], End: options.at(-1) }) }[e.key];
		if (!to) return;
		e.preventDefault();
		to.focus();
	};
	return (
		<Popover anchor={anchor} role="dialog" label={comparing ? t("compare.with") : t("chat.model")} above onClose={onClose} className="w-80">
			<div ref={box} onKeyDown={onKeyDown} className={cx("flex max-h-[min(26rem,calc(100dvh-3rem))] flex-col", many && "h-[min(26rem,calc(100dvh-3rem))]")}>
				{comparing && (
					<div className="flex items-start gap-1 pe-2 pb-2">
						<IconButton small label={t("compare.back")} onClick={() => turnTo(false)}>
							<ArrowLeft size={16} />
						</IconButton>
						<div className="min-w-0 pt-1">
							<p className="truncate text-sm font-medium text-ink">{t("compare.choose", { name: model?.display_name || model?.name })}</p>
							<p className="text-xs text-faint">{t("compare.choose_hint", { count: Math.min(OTHERS_MAX, listed.length) })}</p>
						</div>
					</div>
				)}
				{many && (
					<input
						type="search"
						value={search}
						maxLength={100}
						aria-label={t("chat.find_model")}
						placeholder={t("chat.find_model")}
						onChange={(e) => setSearch(e.target.value)}
						className="mb-1 h-10 w-full shrink-0 rounded-lg border border-line bg-transparent px-3 text-sm placeholder:text-faint"
					/>
				)}
				{found.length === 0 && <p className="px-3 py-6 text-center text-sm text-faint">{t("sidebar.nothing_found")}</p>}
				{found.length > 0 && (
					<div role="listbox" aria-label={comparing ? t("compare.with") : t("chat.model")} aria-multiselectable={comparing || undefined} className="min-h-0 grow overflow-y-auto">
						{groups.map(({ type, items }) => (
							<div key={type} role="group" aria-label={t(`chat.models_${type}`)}>
								{groups.length > 1 && (
									<p aria-hidden className="px-3 pt-2 pb-1 text-xs font-medium text-faint">
										{t(`chat.models_${type}`)}
									</p>
								)}
								{items.map((m) => (
									<ModelOption key={m.id} model={m} selected={comparing ? beside.includes(m.name) : m.id === model?.id} onSelect={() => pick(m)} />
								))}
							</div>
						))}
					</div>
				)}
				{comparing ? (
					<Button small look="solid" className="mt-2" onClick={onClose}>
						{t("compare.done")}
					</Button>
				) : (
					model &&
					!model.makes &&
					chat.length > 1 && (
						<button
							type="button"
							onClick={() => turnTo(true)}
							className="mt-1 flex w-full shrink-0 items-center gap-2.5 rounded-lg border-t border-line px-3 py-2.5 text-start text-sm text-ink transition-colors hover:bg-hover focus-visible:bg-hover focus-visible:outline-none"
						>
							<Columns2 size={16} aria-hidden className="text-faint" />
							{t("compare.with")}
						</button>
					)
				)}
			</div>
		</Popover>
	);
}

function ModelOption({ model, selected, onSelect }: { model: Model; selected: boolean; onSelect: () => void }) {
	const { t } = useTranslation();
	return (
		<button
			type="button"
			role="option"
			aria-selected={selected}
			onClick={onSelect}
			className={cx(
				"flex w-full items-start gap-2 rounded-lg px-3 py-2 text-start transition-colors hover:bg-hover focus-visible:bg-hover focus-visible:outline-none",
			)}
		>
			<span className="min-w-0 grow">
				<span className="flex items-center gap-2 text-sm font-medium text-ink">
					<span className="truncate">{model.display_name || model.name}</span>
					{model.makes ? <Makes film={model.type === "video"} /> : <Abilities names={model.abilities} />}
				</span>
				<span className="mt-0.5 block text-xs text-faint">{price(model, t)}</span>
				{!model.makes && <span className="block text-xs text-faint">{t("chat.context", { tokens: compact(model.context_tokens) })}</span>}
			</span>
			{selected && <Check size={16} aria-hidden className="mt-0.5 shrink-0 text-accent" />}
		</button>
	);
}

function Makes({ film }: { film: boolean }) {
	const { t } = useTranslation();
	const Sign = film ? Film : Image;
	return (
		<span className="flex shrink-0 items-center gap-1 rounded-full bg-tint px-1.5 text-xs font-normal text-accent">
			<Sign size={12} aria-hidden />
			{t(film ? "media.video" : "media.image")}
		</span>
	);
}

function Abilities({ names }: { names: string[] }) {
	const { t } = useTranslation();
	return (
		<span className="flex shrink-0 gap-1 text-faint">
			{names.map((name) => {
				const Sign = ABILITIES[name as keyof typeof ABILITIES];
				return Sign ? (
					<span key={name} title={t(`abilities.${name as keyof typeof ABILITIES}`)}>
						<Sign size={13} aria-hidden />
						<span className="sr-only">{t(`abilities.${name as keyof typeof ABILITIES}`)}</span>
					</span>
				) : null;
			})}
		</span>
	);
}

function price(m: Model, t: TFunction<"app">): string {
	const parts: string[] = [];
	// What the caller pays: the rows of the caller's group, times its ratio.
	const of = (meter: string) => m.prices.find((p) => p.meter === meter && p.min_context === 0);
	const each = (meter: string, units: number) => {
		const p = of(meter);
		return p ? (p.unit_price * units * m.ratio) / p.per : 0;
	};
	const [input, output, call] = [each("input", 1_000_000), each("output", 1_000_000), each("call", 1)];
	if (input > 0 || output > 0) parts.push(t("chat.price", { input: credits(input), output: credits(output) }));
	if (call > 0) parts.push(t("chat.price_call", { call: credits(call) }));
	for (const meter of ["image", "second"] as const) if (of(meter)) parts.push(t(`chat.price_${meter}`, { credits: credits(each(meter, 1)) }));
	return parts.length > 0 ? parts.join(" · ") : t("chat.free");
}
