/* Emphasis that ends at Chinese or Japanese punctuation: `**重点。**后面`. A chunk of its own. */
import remarkCjkFriendly from "remark-cjk-friendly";
import remarkCjkFriendlyStrike from "remark-cjk-friendly-gfm-strikethrough";
import type { Extension } from "./Markdown";

export const extension: Extension = { remark: [remarkCjkFriendly, remarkCjkFriendlyStrike] };
