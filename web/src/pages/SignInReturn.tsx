import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { announce, begin } from "@/api/session";
import { challengeOf, trust } from "@/api/trust";
import { CodeForm } from "@/components/trust/CodeForm";
import { Spinner } from "@/components/ui/Spinner";
import { explain } from "@/lib/explain";
import { returned, takeNext, wasLinking } from "@/lib/linking";
import { toast } from "@/stores/notices";
import { AuthFrame } from "./AuthFrame";

/** Back from the sign-in provider: signed in, linked, or told why not. */
export function SignInReturn() {
	const [came] = useState(() => ({ with: returned(location.search), linking: wasLinking() }));
	const [challenge, setChallenge] = useState<string | null>(null);
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const begun = useRef(false);
	const on = () => navigate(takeNext(), { replace: true });
	const { mutate, error } = useMutation({
		mutationFn: () => trust.finish(came.with!, came.linking),
		onSuccess: (session) => {
			if (!session) {
				toast("ok", t("trust.linked"));
				navigate("/settings/password", { replace: true });
				return;
			}
			begin(session);
			announce();
			on();
		},
		onError: (e) => setChallenge(challengeOf(e)),
	});
	useEffect(() => {
		// A code counts once: not again when the page is drawn twice, nor after a reload.
		if (begun.current || !came.with) return;
		begun.current = true;
		history.replaceState(null, "", location.pathname);
		mutate();
	}, [came, mutate]);

	if (challenge !== null)
		return (
			<AuthFrame title={t("trust.code_title")} hint={t("trust.code_why")}>
				<CodeForm challenge={challenge} onOver={() => navigate("/signin", { replace: true })} onDone={on} />
			</AuthFrame>
		);
	const problem = !came.with ? t("trust.no_return") : error ? explain(error).text : null;
	return (
		<AuthFrame title={t(problem ? "trust.not_signed_in" : "trust.signing_in")}>
			{problem ? (
				<div className="flex flex-col gap-4">
					<p role="alert" className="text-sm text-danger">
						{problem}
					</p>
					<Link href={came.linking ? "/settings/password" : "/signin"} className="self-center text-sm font-medium text-accent hover:underline">
						{t(came.linking ? "trust.to_settings" : "auth.back")}
					</Link>
				</div>
			) : (
				<p role="status" className="flex items-center justify-center gap-3 text-sm text-faint">
					<Spinner /> {t("common.loading")}
				</p>
			)}
		</AuthFrame>
	);
}
