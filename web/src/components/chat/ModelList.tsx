import type { TFunction } from "i18next";
import { AudioLines, Brain, Check, Eye, Film, Image, Wrench } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { cx } from "@/lib/cx";
import { compact, credits } from "@/lib/format";
import { Popover } from "../ui/Menu";

const ABILITIES = { vision: Eye, reasoning: Brain, audio: AudioLines, video: Film, tools: Wrench } as const;

interface Props {
	anchor: HTMLElement;
	models: Model[];
	model: Model | undefined;
	onSelect: (name: string) => void;
	onClose: () => void;
}

export function ModelList({ anchor, models, model, onSelect, onClose }: Props) {
	const { t } = useTranslation();
	return (
		<Popover anchor={anchor} role="listbox" label={t("chat.model")} above onClose={onClose} className="w-80">
			{models.map((m) => (
				<ModelOption
					key={m.id}
					model={m}
					selected={m.id === model?.id}
					onSelect={() => {
						onSelect(m.name);
						onClose();
					}}
				/>
			))}
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
