import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { announce, begin } from "@/api/session";
import { auth } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input } from "@/components/ui/Field";
import { explain } from "@/lib/explain";
import { AuthFrame } from "./AuthFrame";

export default function SignIn() {
	const [login, setLogin] = useState("");
	const [password, setPassword] = useState("");
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => auth.login({ login: login.trim(), password }),
		onSuccess: (session) => {
			begin(session);
			announce();
		},
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
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
		</AuthFrame>
	);
}
