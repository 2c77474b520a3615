#include "jobs/echo.h"

enum status
j_echo(struct context *cx, struct job *job)
{
	(void)cx;
	(void)job;
	return OK;
}
