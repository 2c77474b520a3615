import { useMutation, useQuery } from "@tanstack/react-query";
import { Check, Copy } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApiKey, KeyPeriod, NewApiKey } from "@/api/types";
import { apiKeys, catalog } from "@/api/weir";
import { useCopy } from "@/hooks/useCopy";
import { explain } from "@/lib/explain";
import { keys } from "@/queries/client";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Input, Segments, Select } from "../ui/Field";
import { Skeleton } from "../ui/State";
import { Snippets } from "./Snippets";

const NAME_MAX_CHARS = 100;
const DAY_S = 86_400;
const LIVES_DAYS = [0, 7, 30, 90, 365] as const;
const OVERLAPS_S = [0, 3600, DAY_S, 7 * DAY_S] as const;
/** Credits, as the API takes them. */
const AMOUNT = /^\d{1,11}(\.\d{1,6})?$/;
const ROTATIONS_DAYS = [0, 30, 90, 180, 365] as const;
const PERIODS: KeyPeriod[] = ["none", "day", "week", "month"];

interface FormProps {
	title: string;
	action: string;
	busy: boolean;
	error: Error | null;
	ready?: boolean;
	onSubmit: () => void;
	onClose: () => void;
	children: ReactNode;
}

function FormDialog({ title, action, busy, error, ready = true, onSubmit, onClose, children }: FormProps) {
	const { t } = useTranslation();
	const submit = (e: FormEvent) => {
		e.preventDefault();
		onSubmit();
	};
	const problem = error && explain(error);
	return (
		<Dialog title={title} onClose={onClose}>
			<form onSubmit={submit} noValidate className="flex flex-col gap-4">
				{children}
				{problem && (
					<p role="alert" className="text-sm text-danger">
						{problem.detail ?? problem.text}
					</p>
				)}
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={!ready}>
						{action}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

/** So many days from now, as the API writes it; null: never. */
function endOf(days: number): string | null {
	return days === 0 ? null : new Date(Date.now() + days * DAY_S * 1000).toISOString();
}

export function CreateKey({ onMade, onClose }: { onMade: (key: NewApiKey) => void; onClose: () => void }) {
	const [name, setName] = useState("");
	const [days, setDays] = useState<number>(0);
	const [models, setModels] = useState<string[] | null>(null);
	const [budget, setBudget] = useState("");
	const [period, setPeriod] = useState<KeyPeriod>("month");
	const [label, setLabel] = useState("");
	const [rotation, setRotation] = useState<number>(0);
	const [tried, setTried] = useState(false);
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () =>
			apiKeys.create({
				name: name.trim(),
				expires_at: endOf(days),
				models,
				label: label.trim() === "" ? null : label.trim(),
				auto_rotate: rotation > 0,
				rotate_every_days: rotation > 0 ? rotation : null,
				budget: budget.trim() === "" ? null : { amount: budget.trim(), period },
			}),
		onSuccess: onMade,
	});
	const budgetIsGood = budget.trim() === "" || AMOUNT.test(budget.trim());
	return (
		<FormDialog
			title={t("keys.new")}
			action={t("keys.create")}
			busy={isPending}
			error={error}
			ready={name.trim() !== "" && (models === null || models.length > 0)}
			onSubmit={() => {
				setTried(true);
				if (budgetIsGood) mutate();
			}}
			onClose={onClose}
		>
			<Input autoFocus label={t("keys.name")} hint={t("keys.name_hint")} value={name} maxLength={NAME_MAX_CHARS} onChange={(e) => setName(e.target.value)} />
			<Select label={t("keys.expires")} value={days} onChange={(e) => setDays(Number(e.target.value))}>
				{LIVES_DAYS.map((d) => (
					<option key={d} value={d}>
						{d === 0 ? t("keys.never") : t("keys.days", { count: d })}
					</option>
				))}
			</Select>
			<div className="grid grid-cols-2 gap-3">
				<Input label={t("keylife.label")} value={label} maxLength={NAME_MAX_CHARS} onChange={(e) => setLabel(e.target.value)} />
				<Select label={t("keylife.auto")} hint={rotation > 0 ? t("keylife.auto_hint") : undefined} value={rotation} onChange={(e) => setRotation(Number(e.target.value))}>
					{ROTATIONS_DAYS.map((d) => (
						<option key={d} value={d}>
							{d === 0 ? t("keylife.auto_never") : t("keylife.auto_every", { count: d })}
						</option>
					))}
				</Select>
			</div>
			<ModelChoice chosen={models} onChange={setModels} />
			<div className="grid grid-cols-2 gap-3">
				<Input
					label={t("keys.budget")}
					inputMode="decimal"
					placeholder={t("keys.no_budget")}
					value={budget}
					error={tried && !budgetIsGood ? t("keys.bad_budget") : null}
					onChange={(e) => setBudget(e.target.value)}
				/>
				<Select label={t("keys.period")} value={period} disabled={budget.trim() === ""} onChange={(e) => setPeriod(e.target.value as KeyPeriod)}>
					{PERIODS.map((p) => (
						<option key={p} value={p}>
							{t(`keys.per_${p}`)}
						</option>
					))}
				</Select>
			</div>
		</FormDialog>
	);
}

/** All models (null), or some of them. */
function ModelChoice({ chosen, onChange }: { chosen: string[] | null; onChange: (models: string[] | null) => void }) {
	const { data } = useQuery({ queryKey: keys.models, queryFn: catalog.models, staleTime: 300_000 });
	const { t } = useTranslation();
	const turn = (name: string, on: boolean) => onChange(on ? [...(chosen ?? []), name] : (chosen ?? []).filter((m) => m !== name));
	return (
		<div className="flex flex-col gap-1.5">
			<Segments<"all" | "some">
				label={t("keys.models")}
				value={chosen === null ? "all" : "some"}
				onChange={(v) => onChange(v === "all" ? null : [])}
				options={[
					{ value: "all", label: t("keys.models_all") },
					{ value: "some", label: t("keys.models_some") },
				]}
			/>
			{chosen !== null && !data && <Skeleton className="h-20" />}
			{chosen !== null && data && (
				<fieldset className="flex max-h-44 flex-col overflow-y-auto rounded-lg border border-line p-1.5">
					<legend className="sr-only">{t("keys.models")}</legend>
					{data.items.map((m) => (
						<label key={m.id} className="flex cursor-pointer items-center gap-2.5 rounded-md px-2 py-1.5 text-sm hover:bg-hover">
							<input type="checkbox" checked={chosen.includes(m.name)} onChange={(e) => turn(m.name, e.target.checked)} className="size-4 accent-accent" />
							<span className="min-w-0 truncate">{m.display_name}</span>
						</label>
					))}
				</fieldset>
			)}
		</div>
	);
}

export function RotateKey({ of, onMade, onClose }: { of: ApiKey; onMade: (key: NewApiKey) => void; onClose: () => void }) {
	const [overlap, setOverlap] = useState<number>(0);
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({ mutationFn: () => apiKeys.rotate(of.id, overlap), onSuccess: onMade });
	return (
		<FormDialog title={t("keys.rotate")} action={t("keys.rotate")} busy={isPending} error={error} onSubmit={() => mutate()} onClose={onClose}>
			<p className="text-sm text-soft">{t("keys.rotate_text", { name: of.name })}</p>
			<Select label={t("keys.overlap")} value={overlap} onChange={(e) => setOverlap(Number(e.target.value))}>
				{OVERLAPS_S.map((s) => (
					<option key={s} value={s}>
						{s === 0 ? t("keys.at_once") : s < DAY_S ? t("keys.hours", { count: s / 3600 }) : t("keys.days", { count: s / DAY_S })}
					</option>
				))}
			</Select>
		</FormDialog>
	);
}

/** The only time the key is seen. */
export function ShowKey({ made, onClose }: { made: NewApiKey; onClose: () => void }) {
	const [copied, copy] = useCopy();
	const { t } = useTranslation();
	return (
		<Dialog wide title={t("keys.made")} onClose={onClose}>
			<div className="flex flex-col gap-4">
				<p className="text-sm text-soft">{t("keys.once")}</p>
				<div className="flex flex-col gap-2 sm:flex-row sm:items-center">
					<code data-testid="new-key" className="min-w-0 grow rounded-lg border border-line-strong bg-code px-3 py-2.5 font-mono text-sm break-all">
						{made.key}
					</code>
					<Button look="solid" icon={copied ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />} onClick={() => copy(made.key)}>
						{copied ? t("common.copied") : t("common.copy")}
					</Button>
				</div>
				<Snippets secret={made.key} model={made.models?.[0]} />
				<Button onClick={onClose} className="self-end">
					{t("keys.kept")}
				</Button>
			</div>
		</Dialog>
	);
}
