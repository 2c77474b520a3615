/* The mark of what a machine has made, in a file's XMP. */
#ifndef WEIR_LENS_LABEL_H
#define WEIR_LENS_LABEL_H

#include <stdbool.h>

/* Write it into the file, or a new one of its name, beside what XMP it has: TC260:AIGC is `aigc` (GB 45438-2025: an
 * object of JSON), and the IPTC's DigitalSourceType says the same to everybody else.  False: this format takes none, or
 * the file is damaged; standard error says why, and the file is as it was or broken. */
bool label_write(const char *path, const char *aigc);

#endif
