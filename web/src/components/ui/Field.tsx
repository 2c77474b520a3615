import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";
import { cx } from "@/lib/cx";

const BOX =
	"w-full rounded-lg border border-line-strong bg-raised px-3 text-ink placeholder:text-faint focus-visible:outline-offset-0 aria-invalid:border-danger disabled:opacity-60";

interface Labelled {
	label: string;
	hint?: ReactNode;
	error?: string | null;
	/** The label is for screen readers only. */
	bare?: boolean;
}

function Frame({ id, label, hint, error, bare, children }: Labelled & { id: string; children: ReactNode }) {
	return (
		<div className="flex min-w-0 flex-col gap-1.5">
			<label htmlFor={id} className={bare ? "sr-only" : "text-sm font-medium text-soft"}>
				{label}
			</label>
			{children}
			{error ? (
				<p id={`${id}-note`} role="alert" className="text-sm text-danger">
					{error}
				</p>
			) : (
				hint && (
					<p id={`${id}-note`} className="text-xs text-faint">
						{hint}
					</p>
				)
			)}
		</div>
	);
}

function split<P extends Labelled>(props: P) {
	const { label, hint, error, bare, ...rest } = props;
	return { frame: { label, hint, error, bare }, rest };
}

type InputProps = Labelled & InputHTMLAttributes<HTMLInputElement>;

export function Input(props: InputProps) {
	const id = useId();
	const { frame, rest } = split(props);
	return (
		<Frame id={id} {...frame}>
			<input
				{...rest}
				id={id}
				aria-invalid={!!frame.error || undefined}
				aria-describedby={frame.error || frame.hint ? `${id}-note` : undefined}
				className={cx(BOX, "h-10", rest.className)}
			/>
		</Frame>
	);
}

export function TextArea(props: Labelled & TextareaHTMLAttributes<HTMLTextAreaElement>) {
	const id = useId();
	const { frame, rest } = split(props);
	return (
		<Frame id={id} {...frame}>
			<textarea rows={4} {...rest} id={id} aria-invalid={!!frame.error || undefined} className={cx(BOX, "py-2", rest.className)} />
		</Frame>
	);
}

export function Select(props: Labelled & SelectHTMLAttributes<HTMLSelectElement>) {
	const id = useId();
	const { frame, rest } = split(props);
	return (
		<Frame id={id} {...frame}>
			<select {...rest} id={id} className={cx(BOX, "h-10", rest.className)} />
		</Frame>
	);
}

interface SwitchProps {
	label: string;
	on: boolean;
	onChange: (on: boolean) => void;
	/** The label is for screen readers only. */
	bare?: boolean;
}

export function Switch({ label, on, onChange, bare }: SwitchProps) {
	return (
		<label className="relative flex cursor-pointer items-center justify-between gap-4 py-1">
			<span className={bare ? "sr-only" : "min-w-0 text-sm text-ink"}>{label}</span>
			<input
				type="checkbox"
				role="switch"
				checked={on}
				onChange={(e) => onChange(e.target.checked)}
				className="peer sr-only"
			/>
			<span
				aria-hidden
				className={cx(
					"relative h-6 w-10 shrink-0 rounded-full border transition-colors",
					"after:absolute after:top-0.5 after:left-0.5 after:size-4.5 after:rounded-full after:transition-transform",
					"peer-checked:after:translate-x-4 peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent",
					on ? "border-accent bg-accent after:bg-on-accent" : "border-line-strong bg-surface after:bg-line-strong",
				)}
			/>
		</label>
	);
}

/** A few choices, one of which holds. */
export function Segments<V extends string>({ label, bare, value, options, onChange }: { label: string; bare?: boolean; value: V; options: { value: V; label: string }[]; onChange: (value: V) => void }) {
	const name = useId();
	return (
		<fieldset className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 py-1">
			<legend className={bare ? "sr-only" : "float-start text-sm text-ink"}>{label}</legend>
			<div className="flex rounded-lg border border-line bg-surface p-0.5">
				{options.map((o) => (
					<label
						key={o.value}
						className={cx(
							"relative cursor-pointer rounded-md px-3 py-1 text-sm whitespace-nowrap transition-colors max-sm:px-2",
							"has-focus-visible:outline-2 has-focus-visible:outline-accent",
							o.value === value ? "bg-raised text-ink shadow-box" : "text-faint hover:text-ink",
						)}
					>
						<input
							type="radio"
							name={name}
							value={o.value}
							checked={o.value === value}
							onChange={() => onChange(o.value)}
							className="sr-only"
						/>
						{o.label}
					</label>
				))}
			</div>
		</fieldset>
	);
}
