import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link, Redirect, Route, Switch, useLocation, useRoute } from "wouter";
import { useSession } from "@/api/session";
import { tasks } from "@/api/weir";
import { ErrorBoundary } from "@/components/ui/ErrorBoundary";
import { Logo } from "@/components/ui/Logo";
import { Toaster } from "@/components/ui/Toaster";
import { withTexts } from "@/i18n/texts";
import { queryClient } from "@/queries/client";
import { useTasks } from "@/stores/tasks";
import { followEvents } from "@/stream/events";

const ChatPage = lazy(() => import("@/pages/ChatPage"));
const MakingPage = lazy(() => withTexts(["making"], import("@/pages/MakingPage")));
const KnowledgePages = lazy(() => withTexts(["knowledge"], import("@/pages/knowledge/KnowledgePages")));
const AssistantPages = lazy(() => withTexts(["assistants"], import("@/pages/assistants/AssistantPages")));
const SettingsPage = lazy(() => withTexts(["auth", "settings"], import("@/pages/SettingsPage")));
const AdminPage = lazy(() => withTexts(["admin", "table"], import("@/pages/admin/AdminPage")));
const SignIn = lazy(() => withTexts(["auth", "trust"], import("@/pages/SignIn")));
const Register = lazy(() => withTexts(["auth"], import("@/pages/Register")));
const Forgot = lazy(() => withTexts(["auth"], import("@/pages/Forgot")));
const SharedPage = lazy(() => withTexts(["sharing"], import("@/pages/SharedPage")).then((m) => ({ default: m.SharedPage })));
const PrintPage = lazy(() => withTexts(["sharing"], import("@/pages/SharedPage")).then((m) => ({ default: m.PrintPage })));
const Reset = lazy(() => withTexts(["auth"], import("@/pages/Reset")));

export function App() {
	return (
		<QueryClientProvider client={queryClient}>
			<ErrorBoundary>
				<Suspense fallback={<Splash />}>
					<Pages />
				</Suspense>
			</ErrorBoundary>
			<Toaster />
		</QueryClientProvider>
	);
}

function Pages() {
	const status = useSession((s) => s.status);
	const [isShared, shared] = useRoute("/s/:token");
	if (isShared) return <SharedPage token={shared.token} />;
	if (status === "unknown") return <Splash />;
	return (
		<Switch>
			<Route path="/reset" component={Reset} />
			<Route path="/signin/:step?">{({ step }) => (status === "in" && !step ? <Return /> : <SignIn step={step} />)}</Route>
			<Route path="/register">{status === "in" ? <Return /> : <Register />}</Route>
			<Route path="/forgot">{status === "in" ? <Return /> : <Forgot />}</Route>
			<Route>{status === "in" ? <SignedIn /> : <ToSignIn />}</Route>
		</Switch>
	);
}

function SignedIn() {
	useSignedIn();
	return (
		<Switch>
			<Route path="/">
				<ChatPage conversationId={null} />
			</Route>
			<Route path="/c/:id">{({ id }) => <ChatPage conversationId={id} />}</Route>
			<Route path="/c/:id/print">{({ id }) => <PrintPage id={id} />}</Route>
			<Route path="/media" component={MakingPage} />
			<Route path="/knowledge/*?" component={KnowledgePages} />
			<Route path="/assistants" component={AssistantPages} />
			<Route path="/prompts" component={AssistantPages} />
			<Route path="/a/:token" component={AssistantPages} />
			<Route path="/settings/:tab?">{({ tab }) => <SettingsPage tab={tab} />}</Route>
			<Route path="/admin/:area?">{({ area }) => <AdminPage area={area} />}</Route>
			<Route>
				<NotFound />
			</Route>
		</Switch>
	);
}

/** What runs for as long as somebody is signed in. */
function useSignedIn() {
	useEffect(() => {
		const over = new AbortController();
		void followEvents(over.signal);
		void import("@/lib/signedIn").then((m) => m.signedIn(over.signal), () => undefined);
		tasks.limits().then(useTasks.getState().setLimits, () => undefined);
		return () => over.abort();
	}, []);
	useEffect(() => {
		// What keys do is loaded with the first; the browser's own search must not come up meanwhile.
		const onKey = (e: KeyboardEvent) => {
			if ((e.ctrlKey || e.metaKey) && e.key === "k") e.preventDefault();
			void import("@/components/finder/shortcuts").then(({ begin }) => begin(e));
		};
		document.addEventListener("keydown", onKey);
		return () => document.removeEventListener("keydown", onKey);
	}, []);
}

/** Where they wanted to go, and an address of our own only. */
function returnPath(): string {
	const next = new URLSearchParams(location.search).get("next") ?? "/";
	return /^\/(?![/\\])/.test(next) ? next : "/";
}

function Return() {
	return <Redirect to={returnPath()} replace />;
}

function ToSignIn() {
	const [path] = useLocation();
	return <Redirect to={path === "/" ? "/signin" : `/signin?next=${encodeURIComponent(path)}`} replace />;
}

function NotFound() {
	const { t } = useTranslation();
	return (
		<main className="flex h-full flex-col items-center justify-center gap-4 p-6 text-center">
			<h1 className="text-lg font-semibold">{t("errors.no_page")}</h1>
			<Link href="/" className="text-accent hover:underline">
				{t("common.home")}
			</Link>
		</main>
	);
}

function Splash() {
	return (
		<div className="flex h-full items-center justify-center">
			<Logo size={44} className="animate-breathe" />
		</div>
	);
}
