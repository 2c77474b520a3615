import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { ApiError } from "@/api/errors";
import { announce, begin } from "@/api/session";
import { auth } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input } from "@/components/ui/Field";
import { explain } from "@/lib/explain";
import { PASSWORD_MAX_CHARS, passwordProblem } from "@/lib/password";
import { AuthFrame } from "./AuthFrame";

export default function Register() {
	const [form, setForm] = useState({ login: "", nickname: "", password: "", invitation: "" });
	const [tried, setTried] = useState(false);
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => auth.register(registration(form)),
		onSuccess: (session) => {
			begin(session);
			announce();
		},
	});
	const problem = passwordProblem(form.password);
	const field = (name: keyof typeof form) => ({
		value: form[name],
		onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		setTried(true);
		if (!problem) mutate();
	};
	// By invitation: the server asks for the code by refusing one that is not there.
	const invited = error instanceof ApiError && (error.code === "invalid_token" || error.field === "invitation");
	return (
		<AuthFrame
			title={t("auth.register_title")}
			footer={
				<p>
					{t("auth.have_account")}{" "}
					<Link href="/signin" className="font-medium text-accent hover:underline">
						{t("auth.sign_in")}
					</Link>
				</p>
			}
		>
			<form onSubmit={submit} noValidate className="flex flex-col gap-4">
				<Input autoFocus required autoComplete="username" label={t("auth.login")} error={loginError(error)} {...field("login")} />
				<Input autoComplete="nickname" label={t("auth.nickname_optional")} maxLength={64} {...field("nickname")} />
				<Input
					required
					type="password"
					autoComplete="new-password"
					label={t("auth.password")}
					maxLength={PASSWORD_MAX_CHARS}
					hint={t("password.rule")}
					error={tried && problem ? t(`password.${problem}`) : null}
					{...field("password")}
				/>
				{(invited || form.invitation) && <Input label={t("auth.invitation")} error={invited ? t("auth.invitation_needed") : null} {...field("invitation")} />}
				{error && !invited && !loginError(error) && (
					<p role="alert" className="text-sm text-danger">
						{explain(error).text}
					</p>
				)}
				<Button type="submit" look="solid" busy={isPending} disabled={form.login.trim() === ""} className="mt-2">
					{t("auth.register")}
				</Button>
			</form>
		</AuthFrame>
	);

	function loginError(e: Error | null): string | null {
		if (!(e instanceof ApiError)) return null;
		if (e.code === "conflict") return t("auth.taken");
		return e.field === "email" || e.field === "phone" ? t("auth.bad_login") : null;
	}
}

function registration({ login, nickname, password, invitation }: Record<"login" | "nickname" | "password" | "invitation", string>) {
	const name = login.trim();
	return {
		...(name.includes("@") ? { email: name } : { phone: name }),
		...(nickname.trim() && { nickname: nickname.trim() }),
		...(invitation.trim() && { invitation: invitation.trim() }),
		password,
	};
}
