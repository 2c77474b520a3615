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
#include "account/accounts.h"
#include "account/users.h"
#include "chat/agents.h"
#include "core/audit.h"
#include "account/auth.h"
#include "chat/plan.h"
#include "catalog/channel_keys.h"
#include "catalog/channels.h"
#include "catalog/health_report.h"
#include "catalog/route.h"
#include "catalog/select.h"
#include "catalog/providers.h"
#include "chat/conversations.h"
#include "ledger/credits.h"
#include "ledger/prices.h"
#include "ledger/usage.h"
#include "core/feed.h"
#include "core/mail.h"
#include "chat/messages.h"
#include "ops/migrate.h"
#include "engine/follow.h"
#include "relay/kept.h"
#include "relay/models.h"
#include "relay/op.h"
#include "relay/relay.h"
#include "account/groups.h"
#include "account/keys.h"
#include "account/security.h"
#include "catalog/models.h"
#include "catalog/quote.h"
#include "core/openapi.h"
#include "account/origin.h"
#include "core/page.h"
#include "account/passwords.h"
#include "engine/inquiry.h"
#include "engine/probe.h"
#include "core/process.h"
#include "core/reply.h"
#include "ops/report.h"
#include "jobs/desk.h"
#include "knowledge/attached.h"
#include "knowledge/bases.h"
#include "knowledge/documents.h"
#include "knowledge/source.h"
#include "limits/slots.h"
#include "knowledge/search.h"
#include "media/called.h"
#include "media/lend.h"
#include "media/make.h"
#include "media/models.h"
#include "account/sessions.h"
#include "engine/tasks.h"
#include "base/tokens.h"
#include "chat/shares.h"
#include "chat/transfer.h"
#include "chat/trial.h"
#include "chat/turn.h"
#include "chat/verdicts.h"
#include "files/ticket.h"
#include "files/uploads.h"

/* Every handler and field table of the route table. */
#define ROUTE(method, path, handler, caller, rate, wire, cap, flags, fields, reply, summary) \
	handler_fn handler; \
	extern const struct field fields[];
#include "routes.def"
#undef ROUTE

#endif
