/* What the pages of knowledge are made of. */
import { ArrowLeft } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { explain } from "@/lib/explain";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";

export const KNOWLEDGE = keys.knowledge;
/** What of a version never changes: no news of a base has it read again. */
export const KEPT = ["knowledge-kept"] as const;
/** Should no event tell. */
export const LOOK_EVERY_MS = 4000;

export const lookAgain = () => void queryClient.invalidateQueries({ queryKey: KNOWLEDGE });

export function Frame({ title, back, backTo, tools, children, wide }: { title: ReactNode; back: string; backTo: string; tools?: ReactNode; children: ReactNode; wide?: boolean }) {
	return (
		<main className="h-full overflow-y-auto">
			<div className={`mx-auto flex flex-col gap-6 px-4 py-6 sm:px-6 sm:py-10 ${wide ? "max-w-6xl" : "max-w-5xl"}`}>
				<header className="flex flex-wrap items-center gap-2">
					<Link href={backTo} aria-label={back} title={back} className="flex size-11 shrink-0 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
						<ArrowLeft size={19} aria-hidden />
					</Link>
					<h1 className="min-w-0 grow truncate text-xl font-semibold tracking-tight">{title}</h1>
					{tools}
				</header>
				{children}
			</div>
		</main>
	);
}

export function Section({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }) {
	return (
		<section aria-label={title} className="flex min-w-0 flex-col gap-3">
			<div className="flex min-h-9 flex-wrap items-center justify-between gap-3">
				<h2 className="text-sm font-medium text-soft">{title}</h2>
				{tools}
			</div>
			{children}
		</section>
	);
}

/** Does it, says why when it cannot be done, and looks again either way. True: done. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
	try {
		await work();
		return true;
	} catch (e) {
		const { text, detail } = explain(e);
		toast("danger", text, { detail });
		return false;
	} finally {
		lookAgain();
	}
}

/** A form's work: busy while it lasts, and the words for why it failed. */
export function useSave(save: () => Promise<unknown>, done: () => void) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<string | null>(null);
	const submit = async (e: { preventDefault: () => void }) => {
		e.preventDefault();
		setBusy(true);
		setProblem(null);
		try {
			await save();
			lookAgain();
			done();
		} catch (error) {
			const { text, detail } = explain(error);
			setProblem(detail ? `${text} ${detail}` : text);
			setBusy(false);
		}
	};
	return { busy, problem, submit };
}

export function Problem({ text }: { text: string | null }) {
	if (text === null) return null;
	return (
		<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
			{text}
		</p>
	);
}
