import { useTranslation } from "react-i18next";
import { Dialog } from "../ui/Dialog";
import { SettingsPanels } from "../settings/SettingsPanels";

export default function SettingsModal({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation();
	return (
		<Dialog wide title={t("settings.title")} onClose={onClose}>
			<SettingsPanels />
		</Dialog>
	);
}
