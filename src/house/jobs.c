#include "house/jobs.h"

#include <stddef.h>

#include "account/exit.h"
#include "account/export.h"
#include "account/security_mail.h"
#include "chat/titles.h"
#include "files/preview.h"
#include "jobs/echo.h"
#include "jobs/mailing.h"
#include "jobs/prune.h"
#include "knowledge/attached.h"
#include "knowledge/embed.h"
#include "knowledge/ingest.h"
#include "push/send.h"
#include "store/sweep.h"
#include "media/steps.h"

const struct job_kind house_jobs[] = {
#define JOB(name, tries, first_ms, longest_ms, lease_ms, at_once) \
	{ #name, j_##name, tries, first_ms, longest_ms, lease_ms, at_once },
#include "house/jobs.def"
#undef JOB
	{ NULL, NULL, 0, 0, 0, 0, 0 },
};

const struct schedule house_schedules[] = {
#define SCHEDULE(name, cron, kind) { #name, cron, #kind },
#include "house/schedules.def"
#undef SCHEDULE
	{ NULL, NULL, NULL },
};
