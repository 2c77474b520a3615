#include "base/nfc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

const char *
utf8_nfc(struct arena *a, const char *s)
{
	size_t len = strlen(s), out_len = 0;
	const char *out;
	uint8_t *made;

	while (len > 0 && (unsigned char)s[len - 1] < 0x80)
		len--;
	if (len == 0) /* ASCII */
		return s;
	len = strlen(s);
	made = u8_normalize(UNINORM_NFC, (const uint8_t *)s, len, NULL, &out_len);
	if (made == NULL) {
		fprintf(stderr, "weir: Unicode normalization failed\n");
		abort(); /* well-formed text fails for want of memory only */
	}
	out = out_len == len && memcmp(made, s, len) == 0 ? s : arena_strndup(a, (const char *)made, out_len);
	free(made);
	return out;
}
