#include "catalog/providers.h"

#include "wire/quirks.h"

json_t *
providers_json(enum lang lang)
{
	size_t n;
	const struct quirks *all = quirks_all(&n);
	json_t *items = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(items,
		    json_pack("{s:s, s:s, s:s, s:s, s:s?}", "name", all[i].provider, "label", all[i].label, "wire",
			all[i].wire, "base_url", all[i].base_url, "note",
			lang == LANG_ZH ? all[i].note_zh : all[i].note_en));
	return items;
}
