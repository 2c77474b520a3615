/* One chunk: what of the chat page opens by a press. */
export { AccountItems } from "./AccountItems";
export { AdvancedSettingsBox } from "./AdvancedSettings";
export { ContextMenu } from "./ContextMenu";
export { ModelList } from "./ModelList";
export { NotificationItems } from "./NotificationItems";
export { UploadItems } from "./UploadItems";
