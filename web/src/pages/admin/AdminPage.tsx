import { Activity, ArrowLeft, Bot, Cable, ChartColumn, Cpu, ListChecks, ScrollText, Users } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { ErrorBoundary } from "@/components/ui/ErrorBoundary";
import { Empty, Skeleton } from "@/components/ui/State";
import { withJobsTexts } from "@/i18n/jobs";
import { withPriceTexts } from "@/i18n/prices";
import { withUsageTexts } from "@/i18n/usage";
import { cx } from "@/lib/cx";
import { bringIntoView } from "@/lib/scroll";
import { useMe } from "@/queries/account";

const AREAS = {
	users: { Icon: Users, Area: lazy(() => withPriceTexts(import("./UsersArea"))) },
	models: { Icon: Cpu, Area: lazy(() => withPriceTexts(import("./ModelsArea"))) },
	channels: { Icon: Cable, Area: lazy(() => import("./ChannelsArea")) },
	agents: { Icon: Bot, Area: lazy(() => import("./AgentsArea")) },
	log: { Icon: ScrollText, Area: lazy(() => withUsageTexts(import("./RequestsArea"))) },
	usage: { Icon: ChartColumn, Area: lazy(() => withUsageTexts(import("./UsageArea"))) },
	jobs: { Icon: ListChecks, Area: lazy(() => withJobsTexts(import("./JobsArea"))) },
	pool: { Icon: Activity, Area: lazy(() => import("./PoolArea")) },
} as const;
type AreaName = keyof typeof AREAS;

export default function AdminPage({ area = "users" }: { area?: string }) {
	const me = useMe();
	const { t } = useTranslation();
	const current: AreaName = area in AREAS ? (area as AreaName) : "users";
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
				<Link href="/" aria-label={t("common.back")} title={t("common.back")} className="flex size-10 shrink-0 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
					<ArrowLeft size={19} aria-hidden />
				</Link>
				<h1 className="me-4 hidden font-semibold whitespace-nowrap sm:block">{t("admin.title")}</h1>
				<nav aria-label={t("admin.title")} className="flex min-w-0 overflow-x-auto">
					{(Object.keys(AREAS) as AreaName[]).map((name) => {
						const { Icon } = AREAS[name];
						return (
							<Link
								key={name}
								ref={name === current ? bringIntoView : undefined}
								href={`/admin/${name}`}
								aria-current={name === current ? "page" : undefined}
								className={cx(
									"flex h-14 items-center gap-2 border-b-2 px-3 text-sm whitespace-nowrap -outline-offset-2",
									name === current ? "border-accent font-medium text-ink" : "border-transparent text-faint hover:text-ink",
								)}
							>
								<Icon size={16} aria-hidden />
								{t(`admin.${name}`)}
							</Link>
						);
					})}
				</nav>
			</header>
			<main className="min-h-0 grow overflow-y-auto">
				<div className={cx("mx-auto px-4 py-6 sm:px-6", current === "log" ? "max-w-screen-2xl" : "max-w-6xl")}>
					<ErrorBoundary resetKey={current}>
						<Suspense fallback={<Skeleton className="h-64" />}>
							<Area />
						</Suspense>
					</ErrorBoundary>
				</div>
			</main>
		</div>
	);
}
