/* What of the chat page opens by a press is not part of its first load: it is fetched when the page is idle, or pointed at. */
import { lazy } from "react";
import { withTexts } from "@/i18n/texts";

const load = () => withTexts(["compare"], import("./menus"));

export function fetchMenus() {
	load().catch(() => undefined); // it is asked again at the press
}

export const AccountItems = lazy(() => load().then((m) => ({ default: m.AccountItems })));
export const AdvancedSettingsBox = lazy(() => load().then((m) => ({ default: m.AdvancedSettingsBox })));
export const MessageMenu = lazy(() => load().then((m) => ({ default: m.MessageMenu })));
export const ModelList = lazy(() => load().then((m) => ({ default: m.ModelList })));
export const NotificationItems = lazy(() => load().then((m) => ({ default: m.NotificationItems })));
export const UploadItems = lazy(() => load().then((m) => ({ default: m.UploadItems })));
