/*
 * Reminders that a budget is nearly used: the settlement writes them down, once
 * (quota_note() in SQL); here they are told, by an event and, where there is an
 * address and mail is configured, by mail (a job).  Those of a group go to the admins.
 */
#ifndef WEIR_ACCOUNT_QUOTA_REMIND_H
#define WEIR_ACCOUNT_QUOTA_REMIND_H

#include "core/sweep.h"

/* Tell of all that nobody was told of. */
enum status quota_remind(struct sweeper *s) MUST_CHECK;

#endif
