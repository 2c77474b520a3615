import type { StorybookConfig } from "@storybook/react-vite";

const config: StorybookConfig = {
	framework: "@storybook/react-vite",
	stories: ["../stories/**/*.stories.tsx"],
	// Nothing is asked of other hosts, and nothing told to them.
	core: { disableTelemetry: true, disableWhatsNewNotifications: true, enableCrashReports: false },
	// Types stand in the sources; reading them for each story takes seconds.
	typescript: { reactDocgen: false },
};

export default config;
