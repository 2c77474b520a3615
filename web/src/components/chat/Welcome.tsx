import { FolderSearch, ImagePlus, MessageCircleQuestion } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

const STEPS = [
	{ name: "ask", Sign: MessageCircleQuestion },
	{ name: "attach", Sign: ImagePlus },
	{ name: "find", Sign: FolderSearch },
] as const;

/** Three steps on the first visit. Whoever closes it has seen it. */
export default function Welcome({ onClose }: { onClose: () => void }) {
	const [at, setAt] = useState(0);
	const { t } = useTranslation();
	const { name, Sign } = STEPS[at]!;
	const last = at === STEPS.length - 1;
	return (
		<Dialog title={t("welcome.title")} onClose={onClose}>
			<div className="flex flex-col gap-5">
				<div aria-live="polite" className="flex min-h-44 flex-col items-center gap-3 pt-2 text-center">
					<span aria-hidden className="flex size-14 items-center justify-center rounded-full bg-tint text-accent">
						<Sign size={26} />
					</span>
					<p className="font-medium">{t(`welcome.${name}`)}</p>
					<p className="text-sm text-balance text-soft">{t(`welcome.${name}_text`)}</p>
				</div>
				<div className="flex items-center gap-2">
					<p className="sr-only">{t("welcome.step", { at: at + 1, all: STEPS.length })}</p>
					<span aria-hidden className="flex grow gap-1.5">
						{STEPS.map((step, i) => (
							<span key={step.name} className={cx("size-2 rounded-full", i === at ? "bg-accent" : "bg-line-strong")} />
						))}
					</span>
					{!last && (
						<Button medium look="ghost" onClick={onClose}>
							{t("welcome.skip")}
						</Button>
					)}
					<Button medium look="solid" onClick={last ? onClose : () => setAt(at + 1)}>
						{t(last ? "welcome.start" : "welcome.next")}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}
