import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Switch, useLocation } from "wouter";
import { explain } from "@/lib/explain";
import { cx } from "@/lib/cx";
import { toast } from "@/stores/notices";
import { LinkPage } from "./LinkPage";
import { ListPage } from "./ListPage";
import { PromptsPage } from "./PromptsPage";

export default function AssistantPages() {
	return (
		<Switch>
			<Route path="/assistants" component={ListPage} />
			<Route path="/prompts" component={PromptsPage} />
			<Route path="/a/:token">{({ token }) => <LinkPage key={token} token={token} />}</Route>
		</Switch>
	);
}

/** The frame of both pages, with a way to the other. */
export function Frame({ tools, children }: { tools: ReactNode; children: ReactNode }) {
	const { t } = useTranslation();
	const [path] = useLocation();
	return (
		<main className="h-full overflow-y-auto">
			<div className="mx-auto flex max-w-5xl flex-col gap-6 px-4 py-6 sm:px-6 sm:py-10">
				<header className="flex flex-wrap items-center gap-x-2 gap-y-3">
					<Link href="/" aria-label={t("common.back")} title={t("common.back")} className="flex size-11 shrink-0 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
						<ArrowLeft size={19} aria-hidden />
					</Link>
					<h1 className="sr-only">{t(path === "/prompts" ? "assistants.prompts" : "assistants.title")}</h1>
					<nav aria-label={t("account.assistants")} className="flex grow gap-1">
						{(["assistants", "prompts"] as const).map((name) => (
							<Link
								key={name}
								href={`/${name}`}
								aria-current={path === `/${name}` ? "page" : undefined}
								className={cx("rounded-lg px-3 py-2 text-lg font-semibold tracking-tight", path === `/${name}` ? "text-ink" : "text-faint hover:text-ink")}
							>
								{t(name === "prompts" ? "assistants.prompts" : "assistants.title")}
							</Link>
						))}
					</nav>
					{tools}
				</header>
				{children}
			</div>
		</main>
	);
}

/** Does it, and says why when it cannot be done. True: done. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
	try {
		await work();
		return true;
	} catch (e) {
		const { text, detail } = explain(e);
		toast("danger", text, { detail });
		return false;
	}
}
