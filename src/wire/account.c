/*
 * Sources: platform.openai.com/docs/api-reference/models/list,
 * docs.anthropic.com/en/api/models-list, ai.google.dev/api/models,
 * openrouter.ai/docs/api/api-reference/credits/get-credits,
 * api-docs.deepseek.com/api/get-user-balance, read 2026-11.
 */
#include "wire/account.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/money.h"
#include "wire/headers.h"
#include "wire/url.h"

#define NAME_BYTES_MAX 200

/* ---- asking --------------------------------------------------------------------- */

struct manner {
	const char *provider, *key_name, *endpoint, *unversioned, *query;
	const char *lines[2];
};

/* How each wire is asked for its models; the last row is everybody else's. */
static const struct manner manners[] = {
	{ "anthropic", "x-api-key: ", "/messages", "/v1", "?limit=1000", { "anthropic-version: 2023-06-01", NULL } },
	{ "gemini", "x-goog-api-key: ", "", "/v1beta", "?pageSize=1000", { NULL } },
	{ "openai", "Authorization: Bearer ", "/chat/completions", "/v1", "", { NULL } },
};

static const struct manner *
manner_of(const char *provider)
{
	const struct manner *m = manners, *last = &manners[sizeof(manners) / sizeof(manners[0]) - 1];

	while (m < last && strcmp(m->provider, provider) != 0)
		m++;
	return m;
}

/* The base without the endpoint that people may have put behind it. */
static void
cut_endpoint(struct url *url, const char *endpoint)
{
	size_t len = strlen(endpoint);

	if (len == 0 || !url_ends(url->path, url->path_len, endpoint))
		return;
	url->len -= len;
	url->path_len -= len;
}

static const char *
models_url(struct arena *a, const struct manner *m, struct url *url)
{
	const char *behind;

	cut_endpoint(url, m->endpoint);
	behind = arena_printf(a, "%s/models", url_has_version(url) ? "" : m->unversioned);
	if (*url->query != '\0')
		return url_join(a, url, behind);
	return arena_printf(a, "%s%s", url_join(a, url, behind), m->query);
}

/* Is it that host, or one below it? */
static bool
is_host(const char *at, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	return url_ends(at, len, name) && (len == name_len || at[len - name_len - 1] == '.');
}

/* NULL: nobody tells it there. */
static const char *
balance_url(struct arena *a, const struct url *url)
{
	const char *host = strstr(url->base, "://") + 3;
	size_t host_len = strcspn(host, ":/?"), root_len = (size_t)(host - url->base) + strcspn(host, "/?");
	const char *path = NULL;

	if (root_len > url->len)
		root_len = url->len;
	if (is_host(host, host_len, "openrouter.ai"))
		path = "/api/v1/credits";
	else if (is_host(host, host_len, "api.deepseek.com"))
		path = "/user/balance";
	return path == NULL ? NULL : arena_printf(a, "%.*s%s", (int)root_len, url->base, path);
}

bool
account_ask(struct arena *a, enum account_what what, const char *provider, const struct wire_target *to,
    struct wire_request *out)
{
	const struct manner *m = manner_of(provider);
	struct url url;

	if (!url_read(to->base_url, &url))
		return false;
	*out = (struct wire_request){ .method = "GET" };
	out->url = what == ACCOUNT_MODELS ? models_url(a, m, &url) : balance_url(a, &url);
	out->headers = headers_make(a, to, m->key_name, m->lines);
	return out->url != NULL && out->headers != NULL;
}

/* ---- understanding ---------------------------------------------------------------- */

/* "models/gemini-x" is asked for as "gemini-x". */
static const char *
name_of(const json_t *model)
{
	const char *name = json_string_value(json_object_get(model, "id"));

	if (name == NULL)
		name = json_string_value(json_object_get(model, "name"));
	if (name != NULL && strncmp(name, "models/", 7) == 0)
		name += 7;
	return name != NULL && *name != '\0' && strlen(name) <= NAME_BYTES_MAX ? name : NULL;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *
sorted(const json_t *models)
{
	const char *names[ACCOUNT_MODELS_MAX] = { NULL };
	json_t *out = json_array(), *model;
	size_t n = 0, i;

	json_array_foreach((json_t *)models, i, model)
		if (n < ACCOUNT_MODELS_MAX && (names[n] = name_of(model)) != NULL)
			n++;
	qsort(names, n, sizeof(*names), compare);
	for (i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			json_array_append_new(out, json_string(names[i]));
	return out;
}

json_t *
account_models(const char *body, size_t len)
{
	json_t *all = json_loadb(body, len, 0, NULL), *models = json_object_get(all, "data"), *out;

	if (!json_is_array(models))
		models = json_object_get(all, "models");
	out = json_is_array(models) ? sorted(models) : NULL;
	json_decref(all);
	return out;
}

static bool
set_balance(struct account_balance *out, double amount, const char *currency)
{
	if (!isfinite(amount) || fabs(amount) > 1e12 || currency == NULL || strlen(currency) >= sizeof(out->currency))
		return false;
	snprintf(out->amount, sizeof(out->amount), "%.6f", amount);
	snprintf(out->currency, sizeof(out->currency), "%s", currency);
	return true;
}

/* {"data":{"total_credits":…,"total_usage":…}}, US dollars. */
static bool
read_credits(const json_t *data, struct account_balance *out)
{
	const json_t *bought = json_object_get(data, "total_credits"), *used = json_object_get(data, "total_usage");

	return json_is_number(bought) && json_is_number(used) &&
	    set_balance(out, json_number_value(bought) - json_number_value(used), "USD");
}

/* {"balance_infos":[{"currency":"CNY","total_balance":"110.00"}]}; of several the first that holds something. */
static bool
read_infos(const json_t *infos, struct account_balance *out)
{
	bool found = false;
	json_t *info;
	size_t i;

	json_array_foreach((json_t *)infos, i, info) {
		const char *total = json_string_value(json_object_get(info, "total_balance"));
		int64_t checked;

		if (total == NULL || !ucr_parse(total, &checked) || (found && checked == 0))
			continue;
		found = set_balance(out, strtod(total, NULL), json_string_value(json_object_get(info, "currency")));
		if (found && checked != 0)
			break;
	}
	return found;
}

bool
account_balance(const char *body, size_t len, struct account_balance *out)
{
	json_t *all = json_loadb(body, len, 0, NULL);
	bool found = read_credits(json_object_get(all, "data"), out) ||
	    read_infos(json_object_get(all, "balance_infos"), out);

	json_decref(all);
	return found;
}
