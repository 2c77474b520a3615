import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { AdminUsageRecord } from "@/api/types";
import { Dialog } from "@/components/ui/Dialog";
import { Table } from "@/components/ui/Table";
import { StatusTag, Tokens } from "@/components/usage/parts";
import { count, credits, dateTime } from "@/lib/format";
import { type BillLine, type FailedTry, callDetails, cost, duration } from "@/lib/usage";
import { useUserName } from "./UserName";
import { type Meter, METERS, meterKey, useUnit } from "./priceWords";

/** All that is on record of one call. */
export function RequestDetails({ record: r, onClose }: { record: AdminUsageRecord; onClose: () => void }) {
	const name = useUserName(r.user_id);
	const { t } = useTranslation();
	const key = r.key_id;
	const details = callDetails(r.metadata);
	return (
		<Dialog wide title={t("usage.details")} onClose={onClose}>
			<dl className="grid gap-x-8 text-sm sm:grid-cols-2">
				<Fact name={t("usage.time")}>{dateTime(r.created_at)}</Fact>
				<Fact name={t("usage.status")}>
					<StatusTag status={r.status} />
				</Fact>
				<Fact name={t("usage.user")}>{name}</Fact>
				<Fact name={t("usage.key")}>
					{key === null ? (
						t("usage.no_key")
					) : (
						<Link href={`/admin/log?key=${key}`} onClick={onClose} className="font-mono text-accent hover:underline">
							{key.slice(0, 8)}
						</Link>
					)}
				</Fact>
				<Fact name={t("usage.model")}>{r.model ?? "–"}</Fact>
				<Fact name={t("usage.op")}>{r.op ?? "–"}</Fact>
				<Fact name={t("usage.channel")}>{[r.channel, r.provider].filter(Boolean).join(" · ") || "–"}</Fact>
				<Fact name={t("usage.tokens_in")}>
					<Tokens record={r} of="request_tokens" />
				</Fact>
				<Fact name={t("usage.tokens_out")}>
					<Tokens record={r} of="response_tokens" />
				</Fact>
				<Fact name={t("usage.cached")}>{count(r.cached_tokens)}</Fact>
				<Fact name={t("usage.reasoning")}>{count(r.reasoning_tokens)}</Fact>
				<Fact name={t("usage.cache_write")}>{count(r.cache_write_tokens)}</Fact>
				<Fact name={t("usage.total")}>{count(r.total_tokens)}</Fact>
				<Fact name={t("usage.credits")}>
					{cost(r.cost)}
					{r.overrun > 0 && <span className="ms-2 text-warn">{t("usage.overrun", { credits: cost(r.overrun) })}</span>}
				</Fact>
				<Fact name={t("usage.first_token")}>{duration(r.first_token_ms)}</Fact>
				<Fact name={t("usage.error")}>{r.error_code ?? "–"}</Fact>
				<Fact name={t("usage.duration")}>{duration(r.latency_ms)}</Fact>
				{details.units.map(([meter, units]) => (
					<Fact key={meter} name={METERS.includes(meter as Meter) ? t(meterKey(meter)) : meter}>
						{count(units)}
					</Fact>
				))}
				{details.other.map(([what, value]) => (
					<Fact key={what} name={what}>
						{typeof value === "object" ? JSON.stringify(value) : String(value)}
					</Fact>
				))}
				<Fact wide name={t("usage.request_id")}>
					<code className="font-mono text-xs break-all">{r.request_id ?? "–"}</code>
				</Fact>
				<Fact wide name={t("usage.task_id")}>
					<code className="font-mono text-xs break-all">{r.task_id ?? "–"}</code>
				</Fact>
			</dl>
			{details.lines.length > 0 && <Bill lines={details.lines} ratio={details.ratio} />}
			{details.tries.length > 0 && <Tries tries={details.tries} />}
		</Dialog>
	);
}

function Bill({ lines, ratio }: { lines: BillLine[]; ratio: number }) {
	const { t } = useTranslation();
	const unit = useUnit();
	return (
		<Section title={t("usage.bill")}>
			<Table
				tight
				label={t("usage.bill")}
				rows={lines}
				rowKey={(line) => line.meter}
				columns={[
					{ name: "meter", head: t("prices.meter"), cell: (line) => t(meterKey(line.meter)) },
					{ name: "units", head: t("usage.units"), number: true, cell: (line) => count(line.units) },
					{ name: "price", head: t("usage.unit_price"), number: true, cell: (line) => `${credits(line.price)} / ${unit(line.meter, line.per)}` },
					{ name: "cost", head: t("usage.credits"), number: true, cell: (line) => cost(line.cost) },
				]}
			/>
			{ratio !== 1 && (
				<p className="flex justify-between gap-4 px-3 tabular-nums">
					{t("usage.ratio")}
					<span>× {ratio}</span>
				</p>
			)}
		</Section>
	);
}

function Tries({ tries }: { tries: FailedTry[] }) {
	const { t } = useTranslation();
	return (
		<Section title={t("usage.tries")}>
			<Table
				tight
				label={t("usage.tries")}
				rows={tries.map((tried, at) => ({ ...tried, at }))}
				rowKey={(tried) => tried.at}
				columns={[
					{
						name: "channel",
						head: t("usage.channel"),
						cell: (tried) => (
							<>
								{tried.channel} <span className="text-faint">{tried.model}</span>
							</>
						),
					},
					{ name: "error", head: t("usage.error"), cell: (tried) => tried.code },
					{ name: "answer", head: t("usage.answer"), number: true, cell: (tried) => tried.status ?? "–" },
					{ name: "took", head: t("usage.duration"), number: true, cell: (tried) => duration(tried.ms) },
				]}
			/>
		</Section>
	);
}

function Section({ title, children }: { title: string; children: ReactNode }) {
	return (
		<section className="mt-5 flex flex-col gap-2 text-sm">
			<h3 className="font-medium">{title}</h3>
			{children}
		</section>
	);
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
	return (
		<div className={`flex min-w-0 flex-wrap justify-between gap-x-4 border-b border-line py-2 ${wide ? "sm:col-span-2" : ""}`}>
			<dt className="text-faint">{name}</dt>
			<dd className="ms-auto min-w-0 text-end break-words tabular-nums">{children}</dd>
		</div>
	);
}
