import { useQuery } from "@tanstack/react-query";
import { type FormEvent, forwardRef, type KeyboardEvent, useEffect, useImperativeHandle, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { type Prompt, prompts } from "@/api/assistants";
import { cx } from "@/lib/cx";
import { fill, find, variablesOf } from "@/lib/prompts";
import { PROMPTS } from "@/queries/assistants";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Input } from "../ui/Field";

const SHOWN = 50;

export interface PromptKeys {
	/** Has done something with the key. */
	take: (e: KeyboardEvent) => boolean;
}

interface Props {
	/** What is looked for. */
	wanted: string;
	/** The id of the entry that the keys are at. */
	onActive: (id: string | undefined) => void;
	onUse: (text: string) => void;
	onAway: () => void;
}

/** The prompts that are kept, above the composer, which keeps the focus. One with variables asks for them first. */
const PromptList = forwardRef<PromptKeys, Props>(function PromptList({ wanted, onActive, onUse, onAway }, ref) {
	const { data, isPending } = useQuery({ queryKey: PROMPTS, queryFn: prompts.all, staleTime: 300_000 });
	const found = find(data ?? [], wanted).slice(0, SHOWN);
	const [at, setAt] = useState(0);
	const [asking, setAsking] = useState<Prompt | null>(null);
	const box = useRef<HTMLDivElement>(null);
	const { t } = useTranslation();
	const current = found[Math.min(at, found.length - 1)];
	const idOf = (p: Prompt) => `prompt-${p.id}`;

	useEffect(() => setAt(0), [wanted]);
	useEffect(() => {
		onActive(current && idOf(current));
		if (current) document.getElementById(idOf(current))?.scrollIntoView({ block: "nearest" });
	}, [current, onActive]);
	useEffect(() => () => onActive(undefined), [onActive]);

	const choose = (p: Prompt) => (variablesOf(p.text).length > 0 ? setAsking(p) : onUse(p.text));
	const take = (e: KeyboardEvent) => {
		if (e.nativeEvent.isComposing || e.shiftKey || e.ctrlKey || e.metaKey || e.altKey) return false;
		if (e.key === "Escape") onAway();
		else if (!current) return false;
		else if (e.key === "ArrowDown") setAt((at + 1) % found.length);
		else if (e.key === "ArrowUp") setAt((at - 1 + found.length) % found.length);
		else if (e.key === "Enter" || e.key === "Tab") choose(current);
		else return false;
		e.preventDefault();
		e.stopPropagation();
		return true;
	};
	useImperativeHandle(ref, () => ({ take }));

	const hasNone = data?.length === 0 && wanted === "";
	if (isPending || (found.length === 0 && !hasNone)) return null;
	return (
		<>
			<div ref={box} className="absolute inset-x-0 bottom-full z-20 mb-2 max-h-72 animate-rise overflow-y-auto rounded-xl border border-line bg-raised p-1.5 shadow-lift">
				{hasNone ? (
					<p className="px-3 py-2 text-sm text-soft">
						{t("assistants.no_prompts_hint")}{" "}
						<Link href="/prompts" className="text-accent hover:underline">
							{t("assistants.prompts")}
						</Link>
					</p>
				) : (
					<div role="listbox" id="prompt-list" aria-label={t("assistants.prompts")}>
						{found.map((p) => (
							// The keys are the composer's, which has the focus.
							<div
								key={p.id}
								id={idOf(p)}
								role="option"
								aria-selected={p === current}
								onPointerDown={(e) => e.preventDefault()}
								onClick={() => choose(p)}
								className={cx("cursor-pointer rounded-lg px-3 py-2", p === current ? "bg-hover" : "hover:bg-hover")}
							>
								<span className="block truncate text-sm font-medium text-ink">{p.name}</span>
								<span className="block truncate text-xs text-faint">{p.text}</span>
							</div>
						))}
					</div>
				)}
			</div>
			{asking && <Ask prompt={asking} onUse={onUse} onClose={() => setAsking(null)} />}
		</>
	);
});
export default PromptList;

/** The values of a prompt's variables. */
function Ask({ prompt, onUse, onClose }: { prompt: Prompt; onUse: (text: string) => void; onClose: () => void }) {
	const [values, setValues] = useState<Record<string, string>>({});
	const { t } = useTranslation();
	const submit = (e: FormEvent) => {
		e.preventDefault();
		onClose();
		onUse(fill(prompt.text, values));
	};
	return (
		<Dialog title={prompt.name} onClose={onClose}>
			<form onSubmit={submit} className="flex flex-col gap-4">
				{variablesOf(prompt.text).map((name, i) => (
					<Input key={name} autoFocus={i === 0} label={name} value={values[name] ?? ""} onChange={(e) => setValues({ ...values, [name]: e.target.value })} />
				))}
				<div className="flex justify-end gap-2 pt-1">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid">
						{t("assistants.insert")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
