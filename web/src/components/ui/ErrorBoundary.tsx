import { Component, type ErrorInfo, type ReactNode } from "react";
import { t } from "@/i18n";
import { Button } from "./Button";

interface Props {
	children: ReactNode;
	/** When it changes, the page is tried again. */
	resetKey?: unknown;
}

export class ErrorBoundary extends Component<Props, { error: Error | null }> {
	override state = { error: null as Error | null };

	static getDerivedStateFromError(error: Error) {
		return { error };
	}

	override componentDidCatch(error: Error, info: ErrorInfo) {
		console.error(error, info.componentStack);
	}

	override componentDidUpdate(before: Props) {
		if (this.state.error && before.resetKey !== this.props.resetKey) this.setState({ error: null });
	}

	override render() {
		if (!this.state.error) return this.props.children;
		return (
			<div role="alert" className="m-auto flex max-w-sm flex-col items-center gap-4 p-8 text-center">
				<h1 className="text-lg font-semibold">{t("errors.broken")}</h1>
				<p className="text-sm text-faint">{t("errors.broken_hint")}</p>
				<div className="flex gap-2">
					<Button onClick={() => this.setState({ error: null })}>{t("common.retry")}</Button>
					<Button look="solid" onClick={() => location.reload()}>
						{t("errors.reload")}
					</Button>
				</div>
			</div>
		);
	}
}
