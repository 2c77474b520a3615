import { ChevronsUpDown } from "lucide-react";
import { Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { credits } from "@/lib/format";
import { useMe } from "@/queries/account";
import { AccountItems, fetchMenus } from "./later";

export function AccountMenu({ onSettings }: { onSettings: () => void }) {
	const me = useMe();
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const { t } = useTranslation();
	const close = useCallback(() => setOpen(false), []);
	if (!me) return null;
	const name = me.nickname || me.email || me.phone || "";
	return (
		<>
			<button
				ref={button}
				type="button"
				aria-haspopup="menu"
				aria-expanded={open}
				title={t("sidebar.account", { name })}
				onPointerEnter={fetchMenus}
				onClick={() => setOpen(!open)}
				className="flex h-12 min-w-0 grow items-center gap-2.5 rounded-lg px-2 text-start transition-colors hover:bg-hover"
			>
				<span aria-hidden className="flex size-8 shrink-0 items-center justify-center rounded-full bg-tint text-sm font-semibold text-accent uppercase">
					{[...name][0]}
				</span>
				<span className="min-w-0 grow">
					<span className="block truncate text-sm text-ink">{name}</span>
					<span className="block truncate text-xs text-faint" data-testid="balance">
						{t("account.credits", { credits: credits(me.credits) })}
					</span>
				</span>
				<ChevronsUpDown size={15} aria-hidden className="shrink-0 text-faint" />
			</button>
			{open && (
				<Suspense>
					<AccountItems anchor={button.current!} me={me} onSettings={onSettings} onClose={close} />
				</Suspense>
			)}
		</>
	);
}
