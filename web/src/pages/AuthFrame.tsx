import { Languages } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CHOSEN, remember } from "@/lib/kept";
import { useSettings } from "@/stores/settings";
import { Button } from "@/components/ui/Button";
import { Logo } from "@/components/ui/Logo";

/** The page around the forms of somebody who is not signed in. */
export function AuthFrame({ title, hint, children, footer }: { title: string; hint?: string; children: ReactNode; footer?: ReactNode }) {
	const { language, change } = useSettings();
	const { t } = useTranslation();
	return (
		<main className="flex min-h-full flex-col bg-surface">
			<div className="flex justify-end p-4">
				<Button
					small
					look="ghost"
					icon={<Languages size={16} aria-hidden />}
					lang={language === "zh" ? "en" : "zh"}
					onClick={() => {
						change({ language: language === "zh" ? "en" : "zh" });
						remember(CHOSEN, true);
					}}
				>
					{language === "zh" ? "English" : "中文"}
				</Button>
			</div>
			<div className="m-auto flex w-full max-w-sm flex-col gap-8 px-5 pb-20">
				<header className="flex flex-col items-center gap-4 text-center">
					<Logo size={48} />
					<h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
					<p className="text-sm text-faint">{hint ?? t("app.tagline")}</p>
				</header>
				<div className="rounded-2xl border border-line bg-raised p-6 shadow-box">{children}</div>
				{footer && <footer className="flex flex-col items-center gap-2 text-sm text-faint">{footer}</footer>}
			</div>
		</main>
	);
}
