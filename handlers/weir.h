/*
 * Everything a handler needs, in one include.  Handlers see the product's nouns
 * (core) and values (base); they never touch sockets, libpq or Redis directly
 * beyond pg_query() on rq->pg.
 */
#ifndef WEIR_H
#define WEIR_H

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fields.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/money.h"
#include "core/accounts.h"
#include "core/admin.h"
#include "core/agents.h"
#include "core/audit.h"
#include "core/auth.h"
#include "core/catalog.h"
#include "core/channels.h"
#include "core/conversations.h"
#include "core/credits.h"
#include "core/event_stream.h"
#include "core/mail.h"
#include "core/messages.h"
#include "core/migrate.h"
#include "core/follow.h"
#include "core/models.h"
#include "core/openapi.h"
#include "core/page.h"
#include "core/passwords.h"
#include "core/probe.h"
#include "core/process.h"
#include "core/request.h"
#include "core/score_report.h"
#include "core/slots.h"
#include "core/sessions.h"
#include "core/tasks.h"
#include "core/tokens.h"
#include "core/turn.h"
#include "core/uploads.h"

/* Every handler and field table of the route table. */
#define ROUTE(method, path, handler, caller, rate, cap, flags, fields, reply, summary) \
	handler_fn handler; \
	extern const struct field fields[];
#include "routes.def"
#undef ROUTE

#endif
