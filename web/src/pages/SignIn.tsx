import { useMutation, useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { announce, begin } from "@/api/session";
import { challengeOf, trust } from "@/api/trust";
import { auth } from "@/api/weir";
import { CodeForm } from "@/components/trust/CodeForm";
import { Button } from "@/components/ui/Button";
import { Input } from "@/components/ui/Field";
import { explain } from "@/lib/explain";
import { keepNext } from "@/lib/linking";
import { AuthFrame } from "./AuthFrame";
import { SignInReturn } from "./SignInReturn";

/** `step`: "return", where a provider sends the browser back to. */
export default function SignIn({ step }: { step?: string }) {
	const [challenge, setChallenge] = useState<string | null>(null);
	const { t } = useTranslation();
	if (step === "return") return <SignInReturn />;
	if (challenge !== null)
		return (
			<AuthFrame title={t("trust.code_title")} hint={t("trust.code_why")}>
				<CodeForm challenge={challenge} onOver={() => setChallenge(null)} />
			</AuthFrame>
		);
	return (
		<AuthFrame
			title={t("auth.sign_in_title")}
			footer={
				<p>
					{t("auth.no_account")}{" "}
					<Link href="/register" className="font-medium text-accent hover:underline">
						{t("auth.register")}
					</Link>
				</p>
			}
		>
			<PasswordForm onCode={setChallenge} />
			<Provider />
		</AuthFrame>
	);
}

function PasswordForm({ onCode }: { onCode: (challenge: string) => void }) {
	const [login, setLogin] = useState("");
	const [password, setPassword] = useState("");
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => auth.login({ login: login.trim(), password }),
		onSuccess: (session) => {
			begin(session);
			announce();
		},
		onError: (e) => {
			const challenge = challengeOf(e);
			if (challenge !== null) onCode(challenge);
		},
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<form onSubmit={submit} className="flex flex-col gap-4">
			<Input autoFocus required autoComplete="username" label={t("auth.login")} value={login} onChange={(e) => setLogin(e.target.value)} />
			<Input
				required
				type="password"
				autoComplete="current-password"
				label={t("auth.password")}
				value={password}
				error={error && explain(error).text}
				onChange={(e) => setPassword(e.target.value)}
			/>
			<Button type="submit" look="solid" busy={isPending} className="mt-2">
				{t("auth.sign_in")}
			</Button>
			<Link href="/forgot" className="self-center text-sm text-faint hover:text-ink hover:underline">
				{t("auth.forgot")}
			</Link>
		</form>
	);
}

/** The button of the site's provider, where it has one. */
function Provider() {
	const { t } = useTranslation();
	const { data } = useQuery({ queryKey: ["methods"], queryFn: trust.methods, staleTime: 300_000 });
	const { mutate, isPending, error } = useMutation({
		mutationFn: trust.start,
		onSuccess: ({ url }) => {
			keepNext();
			location.assign(url);
		},
	});
	if (!data?.oidc) return null;
	return (
		<div className="mt-5 flex flex-col gap-3 border-t border-line pt-5">
			<Button busy={isPending} icon={<KeyRound size={16} aria-hidden />} onClick={() => mutate()} className="min-w-0">
				<span className="truncate">{t("trust.with", { name: data.oidc.name })}</span>
			</Button>
			{error && (
				<p role="alert" className="text-sm text-danger">
					{explain(error).text}
				</p>
			)}
		</div>
	);
}
