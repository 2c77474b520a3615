import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { auth } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input } from "@/components/ui/Field";
import { Empty } from "@/components/ui/State";
import { explain } from "@/lib/explain";
import { PASSWORD_MAX_CHARS, passwordProblem } from "@/lib/password";
import { toast } from "@/stores/notices";
import { AuthFrame } from "./AuthFrame";

/** From the mail: /reset#token=… (behind the #, so that no server's log has it). */
export default function Reset() {
	const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
	const [password, setPassword] = useState("");
	const [tried, setTried] = useState(false);
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => auth.reset({ token, password }),
		onSuccess: () => {
			toast("ok", t("password.changed"));
			navigate("/signin", { replace: true });
		},
	});
	const problem = passwordProblem(password);
	const submit = (e: FormEvent) => {
		e.preventDefault();
		setTried(true);
		if (!problem) mutate();
	};
	return (
		<AuthFrame
			title={t("auth.reset_title")}
			hint={t("auth.reset_hint")}
			footer={
				<Link href="/signin" className="font-medium text-accent hover:underline">
					{t("auth.back")}
				</Link>
			}
		>
			{token === "" ? (
				<Empty title={t("auth.no_token")} hint={t("auth.no_token_hint")} />
			) : (
				<form onSubmit={submit} noValidate className="flex flex-col gap-4">
					<Input
						autoFocus
						type="password"
						autoComplete="new-password"
						label={t("password.new")}
						maxLength={PASSWORD_MAX_CHARS}
						value={password}
						hint={t("password.rule")}
						error={tried && problem ? t(`password.${problem}`) : error && explain(error).text}
						onChange={(e) => setPassword(e.target.value)}
					/>
					<Button type="submit" look="solid" busy={isPending}>
						{t("password.change")}
					</Button>
				</form>
			)}
		</AuthFrame>
	);
}
