/* Formulas as MathML, which browsers draw themselves: no fonts, no inline styles. A chunk of its own. */
import type { Options } from "react-markdown";
import rehypeKatex from "rehype-katex";
import remarkMath from "remark-math";

type Plugins = Pick<Options, "remarkPlugins" | "rehypePlugins">;

export function extend(plain: Plugins): Plugins {
	return {
		remarkPlugins: [...(plain.remarkPlugins ?? []), remarkMath],
		// After the sanitizer, which lets the marks of remark-math pass as class names.
		rehypePlugins: [...(plain.rehypePlugins ?? []), [rehypeKatex, { output: "mathml", throwOnError: false, trust: false }]],
	};
}
