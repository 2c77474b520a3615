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
#include "core/request.h"

#endif
