import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminModel, Price, PriceImport, Quote } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input, Select } from "@/components/ui/Field";
import { explain } from "@/lib/explain";
import { credits } from "@/lib/format";
import { toast } from "@/stores/notices";
import { useGroups } from "./GroupsPanel";
import { FormDialog, Table } from "./parts";
import { METERS, meterKey, refreshPrices, useConditions, useUnit } from "./priceWords";

const TIERS = ["standard", "flex", "priority", "batch"] as const;
const SHOWN_CHANGES = 50;

function MeterSelect({ value, onChange, disabled }: { value: string; onChange: (meter: string) => void; disabled?: boolean }) {
	const { t } = useTranslation();
	return (
		<Select label={t("prices.meter")} value={value} disabled={disabled} onChange={(e) => onChange(e.target.value)}>
			{METERS.map((m) => (
				<option key={m} value={m}>
					{t(meterKey(m))}
				</option>
			))}
		</Select>
	);
}

function GroupSelect({ value, onChange, all, disabled }: { value: string; onChange: (group: string) => void; all: boolean; disabled?: boolean }) {
	const { t } = useTranslation();
	const { data } = useGroups();
	return (
		<Select label={t("prices.group")} value={value} disabled={disabled} onChange={(e) => onChange(e.target.value)}>
			{all && <option value="">{t("prices.all_groups")}</option>}
			{data?.items.map((g) => (
				<option key={g.name} value={g.name}>
					{g.name}
				</option>
			))}
		</Select>
	);
}

function TierSelect({ value, onChange, disabled }: { value: string; onChange: (tier: string) => void; disabled?: boolean }) {
	const { t } = useTranslation();
	return (
		<Select label={t("prices.tier")} value={value} disabled={disabled} onChange={(e) => onChange(e.target.value)}>
			{TIERS.map((tier) => (
				<option key={tier} value={tier}>
					{t(`prices.t_${tier}`)}
				</option>
			))}
		</Select>
	);
}

function ModelSelect({ models, value, onChange, disabled }: { models: AdminModel[]; value: string; onChange: (model: string) => void; disabled?: boolean }) {
	const { t } = useTranslation();
	return (
		<Select label={t("prices.model")} value={value} disabled={disabled} onChange={(e) => onChange(e.target.value)}>
			{models.map((m) => (
				<option key={m.id} value={m.name}>
					{m.name}
				</option>
			))}
		</Select>
	);
}

const perOf = (meter: string) => (METERS.indexOf(meter as (typeof METERS)[number]) <= METERS.indexOf("audio_output") ? "1000000" : "1");

/** One row. Of one that is there only price and units change: the rest says which row it is. */
export function PriceDialog({ price, models, model, onClose }: { price: Price | null; models: AdminModel[]; model: string; onClose: () => void }) {
	const [form, setForm] = useState({
		model: price?.model ?? (model || (models[0]?.name ?? "")),
		meter: price?.meter ?? "input",
		group: price?.group ?? "",
		tier: price?.tier ?? "standard",
		min_context: String(price?.min_context ?? 0),
		valid_from: price?.valid_from ?? "",
		hours: price?.hours ?? "",
		time_zone: price?.time_zone ?? "UTC",
		per: String(price?.per ?? 1_000_000),
		unit_price: price ? String(price.unit_price) : "",
	});
	const { t } = useTranslation();
	const set = (name: keyof typeof form) => (value: string) => setForm({ ...form, [name]: value, ...(name === "meter" ? { per: perOf(value) } : {}) });
	const text = (name: keyof typeof form, label: string, more: { hint?: string; type?: string; required?: boolean; placeholder?: string } = {}) => (
		<Input {...more} label={label} step="any" disabled={price !== null && name !== "unit_price" && name !== "per"} value={form[name]} onChange={(e) => set(name)(e.target.value)} />
	);
	const save = async () => {
		await admin.putPrices([
			{
				model: form.model,
				meter: form.meter,
				group: form.group || null,
				tier: form.tier,
				min_context: Number(form.min_context),
				unit_price: form.unit_price.trim(),
				per: Number(form.per),
				// What a page shows as its own time is sent as one that says its zone.
				valid_from: form.valid_from ? new Date(form.valid_from).toISOString() : null,
				hours: form.hours.trim() || null,
				time_zone: form.time_zone.trim() || "UTC",
			},
		]);
		await refreshPrices();
	};
	return (
		<FormDialog title={t(price ? "prices.edit" : "prices.new")} save={save} onClose={onClose} valid={form.unit_price.trim() !== "" && form.model !== ""}>
			<ModelSelect models={models} value={form.model} onChange={set("model")} disabled={price !== null} />
			<MeterSelect value={form.meter} onChange={set("meter")} disabled={price !== null} />
			{text("unit_price", t("prices.unit_price"), { hint: t("prices.unit_price_hint"), type: "number", required: true })}
			{text("per", t("prices.per"), { hint: t("prices.per_hint"), type: "number", required: true })}
			<GroupSelect all value={form.group} onChange={set("group")} disabled={price !== null} />
			<TierSelect value={form.tier} onChange={set("tier")} disabled={price !== null} />
			{text("min_context", t("prices.min_context"), { type: "number", required: true })}
			{price ? text("valid_from", t("prices.valid_from")) : text("valid_from", t("prices.valid_from"), { type: "datetime-local" })}
			{text("hours", t("prices.hours"), { hint: t("prices.hours_hint"), placeholder: "22:00-06:00" })}
			{text("time_zone", t("prices.time_zone"), { placeholder: "Asia/Shanghai" })}
		</FormDialog>
	);
}

function Problem({ children }: { children: ReactNode }) {
	return (
		<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
			{children}
		</p>
	);
}

/** A list from a file: first what it would change, then the change. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
	const [format, setFormat] = useState("litellm");
	const [factor, setFactor] = useState("1");
	const [list, setList] = useState<unknown>(null);
	const [preview, setPreview] = useState<PriceImport | null>(null);
	const [problem, setProblem] = useState<string | null>(null);
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const read = async (file: File | undefined) => {
		setPreview(null);
		setProblem(null);
		setList(null);
		if (!file) return;
		try {
			setList(JSON.parse(await file.text()));
		} catch {
			setProblem(t("prices.import_bad"));
		}
	};
	const run = async (dry_run: boolean) => {
		setBusy(true);
		setProblem(null);
		try {
			const done = await admin.importPrices({ format, prices: list, credits_per_usd: Number(factor), dry_run });
			if (dry_run) return setPreview(done);
			toast("ok", t("prices.import_done", done));
			void refreshPrices();
			onClose();
		} catch (error) {
			const { text, detail } = explain(error);
			setProblem(detail ?? text);
		} finally {
			setBusy(false);
		}
	};
	const submit = (e: FormEvent) => {
		e.preventDefault();
		void run(preview === null);
	};
	const changed = (set: (value: string) => void) => (value: string) => {
		set(value);
		setPreview(null);
	};
	return (
		<Dialog wide title={t("prices.import_title")} onClose={onClose}>
			<form onSubmit={submit} className="flex flex-col gap-5">
				<div className="grid gap-4 sm:grid-cols-2">
					<Select label={t("prices.import_format")} value={format} onChange={(e) => changed(setFormat)(e.target.value)}>
						<option value="litellm">{t("prices.format_litellm")}</option>
						<option value="weir">{t("prices.format_weir")}</option>
					</Select>
					<Input type="number" step="any" min="0" required disabled={format !== "litellm"} label={t("prices.credits_per_usd")} value={factor} onChange={(e) => changed(setFactor)(e.target.value)} />
					<div className="sm:col-span-2">
						<Input type="file" accept=".json,application/json" className="py-1.5" label={t("prices.import_file")} onChange={(e) => void read(e.target.files?.[0])} />
					</div>
				</div>
				{problem && <Problem>{problem}</Problem>}
				{preview && <Changes done={preview} />}
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={list === null || preview?.items.length === 0}>
						{t(preview ? "prices.apply" : "prices.preview")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function Changes({ done }: { done: PriceImport }) {
	const { t } = useTranslation();
	const unit = useUnit();
	const conditions = useConditions();
	return (
		<div role="status" className="flex flex-col gap-3">
			<p className="text-sm font-medium">{done.items.length > 0 ? t("prices.import_done", { ...done }) : t("prices.nothing_changes")}</p>
			{done.items.length > 0 && (
				<Table
					tight
					label={t("prices.preview")}
					rows={done.items.slice(0, SHOWN_CHANGES)}
					rowKey={(c) => `${c.change}${c.id}`}
					columns={[
						{
							name: "model",
							head: t("prices.model"),
							value: (c) => c.model,
							cell: (c) => (
								<>
									<p className="font-medium">{c.model}</p>
									<p className="text-xs text-faint">{conditions(c)}</p>
								</>
							),
						},
						{ name: "meter", head: t("prices.meter"), cell: (c) => t(meterKey(c.meter)) },
						{ name: "before", head: t("prices.before"), number: true, cell: (c) => (c.before === null ? "–" : credits((c.before * c.per) / (c.before_per ?? c.per))) },
						{ name: "after", head: t("prices.after"), number: true, cell: (c) => (c.change === "removed" ? "–" : credits(c.unit_price)) },
						{ name: "unit", head: t("prices.unit"), end: true, className: "whitespace-nowrap text-faint", cell: (c) => unit(c.meter, c.per) },
					]}
					className="max-h-72 overflow-y-auto"
				/>
			)}
			{done.items.length > SHOWN_CHANGES && <p className="text-xs text-faint">{t("prices.more_changes", { n: done.items.length - SHOWN_CHANGES })}</p>}
			{done.refused.length > 0 && <Problem>{t("prices.refused", { names: done.refused.join(", ") })}</Problem>}
			{done.unmatched.length > 0 && <p className="text-xs text-faint">{t("prices.unmatched", { names: done.unmatched.join(", ") })}</p>}
		</div>
	);
}

const COUNTED = ["input", "output", "cached_input", "cache_write", "reasoning", "image"] as const;

/** What a call would cost, and by which rows. */
export function QuoteDialog({ models, onClose }: { models: AdminModel[]; onClose: () => void }) {
	const [model, setModel] = useState(models[0]?.name ?? "");
	const [group, setGroup] = useState("default");
	const [tier, setTier] = useState("standard");
	const [units, setUnits] = useState<Record<string, string>>({ input: "1000", output: "500" });
	const [quote, setQuote] = useState<Quote | null>(null);
	const [problem, setProblem] = useState<string | null>(null);
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const submit = async (e: FormEvent) => {
		e.preventDefault();
		setBusy(true);
		setProblem(null);
		setQuote(null);
		const counted = Object.fromEntries(Object.entries(units).flatMap(([meter, n]) => (Number(n) > 0 ? [[meter, Math.round(Number(n))]] : [])));
		try {
			setQuote(await admin.quote({ model, group, tier, units: counted }));
		} catch (error) {
			const { text, detail } = explain(error);
			setProblem(detail ?? text);
		}
		setBusy(false);
	};
	return (
		<Dialog wide title={t("prices.quote_title")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-5">
				<div className="grid gap-4 sm:grid-cols-3">
					<ModelSelect models={models} value={model} onChange={setModel} />
					<GroupSelect all={false} value={group} onChange={setGroup} />
					<TierSelect value={tier} onChange={setTier} />
					{COUNTED.map((meter) => (
						<Input key={meter} type="number" min="0" step="1" label={t(meterKey(meter))} value={units[meter] ?? ""} onChange={(e) => setUnits({ ...units, [meter]: e.target.value })} />
					))}
				</div>
				{problem && <Problem>{problem}</Problem>}
				{quote && <Bill quote={quote} />}
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.close")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={model === ""}>
						{t("prices.quote_run")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function Bill({ quote }: { quote: Quote }) {
	const { t } = useTranslation();
	const unit = useUnit();
	return (
		<div role="status" className="flex flex-col gap-3">
			<Table
				tight
				label={t("prices.quote_title")}
				rows={quote.lines}
				rowKey={(line) => line.meter}
				columns={[
					{
						name: "meter",
						head: t("prices.meter"),
						cell: (line) => (
							<>
								{t(meterKey(line.meter))}
								{line.charged_as && line.charged_as !== line.meter && <p className="text-xs text-faint">{`${t("prices.charged_as")}: ${t(meterKey(line.charged_as))}`}</p>}
							</>
						),
					},
					{ name: "units", head: t("prices.units"), number: true, cell: (line) => line.units },
					{ name: "price", head: t("prices.price"), number: true, cell: (line) => (line.unit_price === null ? "–" : credits(line.unit_price)) },
					{ name: "unit", head: t("prices.unit"), className: "whitespace-nowrap text-faint", cell: (line) => (line.charged_as && line.per ? unit(line.charged_as, line.per) : "") },
					{ name: "cost", head: t("prices.cost"), number: true, cell: (line) => credits(line.cost) },
				]}
			/>
			<p className="text-end font-medium tabular-nums">
				{t("prices.quote_sum", { cost: credits(quote.cost) })}
				{quote.ratio !== 1 && <span className="block text-xs font-normal text-faint">{t("prices.quote_ratio", { ratio: quote.ratio })}</span>}
			</p>
		</div>
	);
}
