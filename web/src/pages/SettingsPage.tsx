import { ArrowLeft } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { SettingsPanels } from "@/components/settings/SettingsPanels";

export default function SettingsPage({ tab }: { tab?: string }) {
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	return (
		<main className="h-full overflow-y-auto">
			<div className="mx-auto flex max-w-4xl flex-col gap-6 px-4 py-6 sm:px-6 sm:py-10">
				<header className="flex items-center gap-2">
					<Link href="/" aria-label={t("common.back")} title={t("common.back")} className="flex size-10 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
						<ArrowLeft size={19} aria-hidden />
					</Link>
					<h1 className="text-xl font-semibold tracking-tight">{t("settings.title")}</h1>
				</header>
				<div className="rounded-2xl border border-line bg-raised p-5 sm:p-6">
					<SettingsPanels tab={tab ?? "account"} onTab={(next) => navigate(`/settings/${next}`, { replace: true })} />
				</div>
			</div>
		</main>
	);
}
