import { Activity, ArrowLeft, Bot, Cable, ChartColumn, Cpu, KeySquare, LayoutDashboard, ListChecks, ScrollText, ShieldAlert, ThumbsUp, Users, Waypoints, Wrench } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { ErrorBoundary } from "@/components/ui/ErrorBoundary";
import { Empty, Skeleton } from "@/components/ui/State";
import { withTexts } from "@/i18n/texts";
import { cx } from "@/lib/cx";
import { bringIntoView } from "@/lib/scroll";
import { useMe } from "@/queries/account";

const AREAS = {
	overview: { Icon: LayoutDashboard, Area: lazy(() => withTexts(["overview", "usage"], import("./OverviewArea"))) },
	users: { Icon: Users, Area: lazy(() => withTexts(["prices", "security", "trust"], import("./UsersArea"))) },
	models: { Icon: Cpu, Area: lazy(() => withTexts(["channels", "prices"], import("./ModelsArea"))) },
	channels: { Icon: Cable, Area: lazy(() => withTexts(["channels"], import("./ChannelsArea"))) },
	route: { Icon: Waypoints, Area: lazy(() => withTexts(["channels"], import("./RouteArea"))) },
	agents: { Icon: Bot, Area: lazy(() => import("./AgentsArea")) },
	tools: { Icon: Wrench, Area: lazy(() => withTexts(["tools"], import("./ToolsArea"))) },
	keys: { Icon: KeySquare, Area: lazy(() => withTexts(["security"], import("./KeysArea"))) },
	log: { Icon: ScrollText, Area: lazy(() => withTexts(["prices", "usage"], import("./RequestsArea"))) },
	usage: { Icon: ChartColumn, Area: lazy(() => withTexts(["usage"], import("./UsageArea"))) },
	jobs: { Icon: ListChecks, Area: lazy(() => withTexts(["jobs"], import("./JobsArea"))) },
	security: { Icon: ShieldAlert, Area: lazy(() => withTexts(["security"], import("./SecurityArea"))) },
	verdicts: { Icon: ThumbsUp, Area: lazy(() => import("./VerdictsArea")) },
	pool: { Icon: Activity, Area: lazy(() => import("./PoolArea")) },
} as const;
type AreaName = keyof typeof AREAS;

const GROUPS = [
	{ name: "now", areas: ["overview"] },
	{ name: "people", areas: ["users", "keys", "security"] },
	{ name: "catalogue", areas: ["models", "channels", "route", "agents", "tools", "verdicts"] },
	{ name: "operation", areas: ["log", "usage", "jobs", "pool"] },
] as const satisfies readonly { name: string; areas: readonly AreaName[] }[];

/** A strip above the page on narrow screens, a column of groups beside it on wide ones. */
function AdminNav({ current }: { current: AreaName }) {
	const { t } = useTranslation();
	return (
		<nav
			aria-label={t("admin.title")}
			className="flex min-w-0 shrink-0 overflow-x-auto border-line bg-surface max-lg:border-b max-lg:px-2 lg:w-56 lg:flex-col lg:gap-5 lg:overflow-x-hidden lg:overflow-y-auto lg:border-e lg:p-3"
		>
			{GROUPS.map(({ name: group, areas }) => (
				<div key={group} role="group" aria-label={t(`admin.group_${group}`)} className="flex shrink-0 lg:flex-col lg:gap-0.5">
					<p aria-hidden className="hidden px-3 pb-1 text-xs font-medium text-faint lg:block">
						{t(`admin.group_${group}`)}
					</p>
					{areas.map((name) => {
						const { Icon } = AREAS[name];
						return (
							<Link
								key={name}
								ref={name === current ? bringIntoView : undefined}
								href={`/admin/${name}`}
								aria-current={name === current ? "page" : undefined}
								className={cx(
									"flex h-11 shrink-0 items-center gap-2 px-3 text-sm whitespace-nowrap -outline-offset-2 max-lg:border-b-2 lg:gap-3 lg:rounded-lg",
									name === current ? "border-accent font-medium text-ink lg:bg-hover" : "border-transparent text-faint hover:text-ink lg:hover:bg-hover",
								)}
							>
								<Icon size={16} aria-hidden />
								{t(`admin.${name}`)}
							</Link>
						);
					})}
				</div>
			))}
		</nav>
	);
}

export default function AdminPage({ area = "overview" }: { area?: string }) {
	const me = useMe();
	const { t } = useTranslation();
	const current: AreaName = area in AREAS ? (area as AreaName) : "overview";
	const { Area } = AREAS[current];
	if (me && me.role !== "admin")
		return (
			<main className="flex h-full items-center justify-center">
				<Empty title={t("admin.forbidden")}>
					<Link href="/" className="text-accent hover:underline">
						{t("common.home")}
					</Link>
				</Empty>
			</main>
		);
	return (
		<div className="flex h-full flex-col overflow-hidden">
			<header className="flex items-center gap-1 border-b border-line bg-surface px-2 sm:px-4">
				<Link href="/" aria-label={t("common.back")} title={t("common.back")} className="flex size-11 shrink-0 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
					<ArrowLeft size={19} aria-hidden />
				</Link>
				<h1 className="font-semibold whitespace-nowrap">{t("admin.title")}</h1>
			</header>
			<div className="flex min-h-0 grow flex-col lg:flex-row">
				<AdminNav current={current} />
				<main className="min-h-0 min-w-0 grow overflow-y-auto">
					<div className={cx("mx-auto px-4 py-6 sm:px-6", current === "log" || current === "channels" ? "max-w-screen-2xl" : "max-w-6xl")}>
						<ErrorBoundary resetKey={current}>
							<Suspense fallback={<Skeleton className="h-64" />}>
								<Area />
							</Suspense>
						</ErrorBoundary>
					</div>
				</main>
			</div>
		</div>
	);
}
