import { SlidersHorizontal } from "lucide-react";
import { Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../ui/Button";
import { AdvancedSettingsBox, fetchMenus } from "./later";

/** How chat behaves on this device. Saved as it is changed; one button brings the defaults back. */
export function AdvancedSettingsMenu() {
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const close = useCallback(() => setOpen(false), []);
	const { t } = useTranslation();
	return (
		<>
			<IconButton ref={button} label={t("advanced.title")} aria-haspopup="dialog" aria-expanded={open} active={open} onPointerEnter={fetchMenus} onClick={() => setOpen(!open)} medium>
				<SlidersHorizontal size={17} />
			</IconButton>
			{open && (
				<Suspense>
					<AdvancedSettingsBox anchor={button.current!} onClose={close} />
				</Suspense>
			)}
		</>
	);
}
