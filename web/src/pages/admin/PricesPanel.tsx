import { Calculator, FileUp, Pencil, Tag as TagIcon, Trash } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminModel, Price } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Select } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { credits } from "@/lib/format";
import { keys } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { AreaHead, type Column, DeleteDialog, Loading, Table } from "./parts";
import { ImportDialog, PriceDialog, QuoteDialog } from "./PriceDialogs";
import { meterKey, refreshPrices, useConditions, useUnit } from "./priceWords";
import { RowMenu } from "@/components/ui/RowMenu";

/** Where it is narrow, these columns are second lines of those that are left. */
const WIDE = "max-sm:hidden";

type Open = "import" | "quote" | "new" | { edit: Price } | { remove: Price } | null;

/** The rows of prices: what is counted, when, and what it costs. */
export function PricesPanel({ models }: { models: AdminModel[] }) {
	const [model, setModel] = useState("");
	const [open, setOpen] = useState<Open>(null);
	const { t } = useTranslation();
	const { query, items: rows } = usePaged<Price>(keys.admin("prices", model), (ask) => admin.prices({ model: model || undefined, ...ask }));
	const close = () => setOpen(null);
	const unit = useUnit();
	const conditions = useConditions();
	const columns: Column<Price>[] = [
		{ name: "model", sort: "model", head: t("prices.model"), value: (row) => row.model, className: "font-medium", cell: (row) => row.model },
		{
			name: "meter", sort: "meter", 
			head: t("prices.meter"),
			value: (row) => t(meterKey(row.meter)),
			cell: (row) => (
				<>
					{t(meterKey(row.meter))}
					<p className="text-xs text-faint sm:hidden">{conditions(row)}</p>
				</>
			),
		},
		{ name: "conditions", head: t("prices.conditions"), value: (row) => conditions(row), wide: WIDE, className: "text-soft", cell: (row) => conditions(row) },
		{
			name: "price", sort: "unit_price", 
			head: t("prices.price"),
			number: true,
			value: (row) => row.unit_price,
			cell: (row) => (
				<>
					{credits(row.unit_price)}
					<p className="text-xs text-faint sm:hidden">{unit(row.meter, row.per)}</p>
				</>
			),
		},
		{ name: "unit", head: t("prices.unit"), value: (row) => unit(row.meter, row.per), wide: WIDE, className: "whitespace-nowrap text-faint", cell: (row) => unit(row.meter, row.per) },
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			cell: (row) => (
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setOpen({ edit: row }) },
						{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setOpen({ remove: row }) },
					]}
				/>
			),
		},
	];
	return (
		<section className="mt-10">
			<AreaHead title={t("prices.title")} onAdd={() => setOpen("new")}>
				<div className="w-44">
					<Select bare label={t("prices.model")} value={model} onChange={(e) => setModel(e.target.value)}>
						<option value="">{t("prices.all_models")}</option>
						{models.map((m) => (
							<option key={m.id} value={m.name}>
								{m.name}
							</option>
						))}
					</Select>
				</div>
				<Button medium icon={<Calculator size={16} aria-hidden />} onClick={() => setOpen("quote")}>
					{t("prices.quote")}
				</Button>
				<Button medium icon={<FileUp size={16} aria-hidden />} onClick={() => setOpen("import")}>
					{t("prices.import")}
				</Button>
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && rows.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && rows.length === 0 && <Empty icon={<TagIcon size={26} />} title={t("prices.none")} hint={t("prices.none_hint")} />}
			{rows.length > 0 && (
				<Table label={t("prices.title")} rows={rows} columns={columns} rowKey={(row) => row.id} pageSize={50} file="prices.csv" more={query} stale={query.isPlaceholderData} />
			)}
			{open === "import" && <ImportDialog onClose={close} />}
			{open === "quote" && <QuoteDialog models={models} onClose={close} />}
			{open === "new" && <PriceDialog price={null} models={models} model={model} onClose={close} />}
			{open && typeof open === "object" && "edit" in open && <PriceDialog price={open.edit} models={models} model={model} onClose={close} />}
			{open && typeof open === "object" && "remove" in open && (
				<DeleteDialog
					name={`${open.remove.model} · ${t(meterKey(open.remove.meter))}`}
					remove={() => admin.removePrice(open.remove.id).then(refreshPrices)}
					onClose={close}
				/>
			)}
		</section>
	);
}
