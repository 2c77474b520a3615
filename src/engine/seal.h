/*
 * Seals: what a provider hides in an answer for itself and wants to see again: the
 * signature of a thought or of a call (Anthropic, Gemini), encrypted reasoning (OpenAI).
 * Nobody but the account that made one can open it, so the call that brings it back goes
 * there (relay/pins.h).  The client has it as it was made; we keep who made which.
 *
 * Source: docs.anthropic.com/en/docs/build-with-claude/extended-thinking,
 * ai.google.dev/gemini-api/docs/thought-signatures,
 * platform.openai.com/docs/guides/reasoning (encrypted reasoning), read 2026-11.
 */
#ifndef WEIR_ENGINE_SEAL_H
#define WEIR_ENGINE_SEAL_H

#include <stddef.h>

#include "base/crypto.h"

#define SEAL_ID_LEN (sizeof("seal:") + 2 * SHA256_BYTES)

/* What a seal is called among pins.  Base64 in either alphabet, padded or not, is the same
 * seal: SDKs that know it as bytes write it anew.  Any thread. */
void seal_id(const char *text, size_t len, char out[SEAL_ID_LEN]);

#endif
