/*
 * What weir-parse writes to its standard output, for knowledge/parse.c to read: lines
 * "name value", an empty line, the text.
 *
 *	weir-parse 1
 *	kind docx
 *	pages 0
 *	sandbox full		or "partial": this kernel has no Landlock
 *	title Report		only when there is one
 *	code encrypted		only when there is no text
 *	detail …		only beside a code, and not always
 *	text 12345		bytes that follow the empty line, and nothing after them
 *
 * Its exit status is then 0; PARSE_EXIT_USAGE or PARSE_EXIT_SANDBOX when it could not begin.
 * A program that was killed has written less than that.  Values have no control
 * characters and are well-formed UTF-8.
 *
 * The document is file descriptor PARSE_FD, the password, if any, what standard input has.
 */
#ifndef WEIR_PARSE_FRAME_H
#define WEIR_PARSE_FRAME_H

#define FRAME_FIRST "weir-parse 1"
#define FRAME_HEAD_MAX_BYTES 8192
#define FRAME_VALUE_MAX_BYTES 1000
#define PARSE_FD 3
#define PARSE_EXIT_USAGE 64	/* sysexits.h: EX_USAGE */
#define PARSE_EXIT_SANDBOX 71	/* EX_OSERR */
#define PASSWORD_MAX_BYTES 1024 /* fits into a pipe: whoever writes it does not wait */

#endif
