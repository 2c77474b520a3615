import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { AdminUsageRecord } from "@/api/types";
import { Dialog } from "@/components/ui/Dialog";
import { StatusTag, Tokens } from "@/components/usage/parts";
import { count, credits, dateTime } from "@/lib/format";
import { type BillLine, type FailedTry, callDetails, cost, duration } from "@/lib/usage";
import { useUserName } from "./UserName";
import { meterKey, useUnit } from "./priceWords";

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
		<Table title={t("usage.bill")} heads={[t("prices.meter"), t("usage.units"), t("usage.unit_price"), t("usage.credits")]}>
			{lines.map((line) => (
				<tr key={line.meter} className="border-b border-line">
					<td className="py-2 pe-4">{t(meterKey(line.meter))}</td>
					<td className="py-2 pe-4 text-end">{count(line.units)}</td>
					<td className="py-2 pe-4 text-end">
						{credits(line.price)} / {unit(line.meter, line.per)}
					</td>
					<td className="py-2 text-end">{cost(line.cost)}</td>
				</tr>
			))}
			{ratio !== 1 && (
				<tr className="border-b border-line">
					<td className="py-2 pe-4" colSpan={3}>
						{t("usage.ratio")}
					</td>
					<td className="py-2 text-end">× {ratio}</td>
				</tr>
			)}
		</Table>
	);
}

function Tries({ tries }: { tries: FailedTry[] }) {
	const { t } = useTranslation();
	return (
		<Table title={t("usage.tries")} heads={[t("usage.channel"), t("usage.error"), t("usage.answer"), t("usage.duration")]}>
			{tries.map((tried, i) => (
				<tr key={i} className="border-b border-line">
					<td className="py-2 pe-4">
						{tried.channel} <span className="text-faint">{tried.model}</span>
					</td>
					<td className="py-2 pe-4 text-end">{tried.code}</td>
					<td className="py-2 pe-4 text-end">{tried.status ?? "–"}</td>
					<td className="py-2 text-end">{duration(tried.ms)}</td>
				</tr>
			))}
		</Table>
	);
}

/** The first column is words, the others are numbers. */
function Table({ title, heads, children }: { title: string; heads: string[]; children: ReactNode }) {
	return (
		<section className="mt-5 overflow-x-auto text-sm" tabIndex={0} aria-label={title}>
			<table className="w-full tabular-nums">
				<caption className="pb-1 text-start font-medium">{title}</caption>
				<thead>
					<tr className="border-b border-line text-faint">
						{heads.map((head, i) => (
							<th key={head} scope="col" className={`py-1.5 font-normal whitespace-nowrap ${i === 0 ? "text-start" : "text-end"} ${i < heads.length - 1 ? "pe-4" : ""}`}>
								{head}
							</th>
						))}
					</tr>
				</thead>
				<tbody>{children}</tbody>
			</table>
		</section>
	);
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
	return (
		<div className={`flex min-w-0 flex-wrap justify-between gap-x-4 border-b border-line py-2 ${wide ? "sm:col-span-2" : ""}`}>
			<dt className="text-faint">{name}</dt>
			<dd className="min-w-0 text-end break-words tabular-nums">{children}</dd>
		</div>
	);
}
