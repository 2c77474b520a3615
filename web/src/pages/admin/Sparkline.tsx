const WIDTH = 240;
const HEIGHT = 48;

/** A line of samples, newest at the right; `top` is the height of the scale, else the largest sample. */
export function Sparkline({ label, values, top, slots }: { label: string; values: number[]; top?: number; slots: number }) {
	const scale = Math.max(top ?? 0, 1, ...values);
	const step = WIDTH / (slots - 1);
	const x = (i: number) => WIDTH - (values.length - 1 - i) * step;
	const y = (v: number) => HEIGHT - 2 - (v / scale) * (HEIGHT - 6);
	const line = values.map((v, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
	const area = line && `${line}L${WIDTH} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z`;
	return (
		<svg role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" className="mt-3 h-12 w-full overflow-visible">
			<path d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} className="stroke-line" strokeWidth="1" />
			<path d={area} className="fill-tint" />
			<path d={line} fill="none" strokeWidth="1.75" strokeLinejoin="round" vectorEffect="non-scaling-stroke" className="stroke-accent" />
		</svg>
	);
}
