#include "engine/demand.h"

#include "base/money.h"

#define WINDOW_MS 1000
#define LIVELY_CALLS 2 /* within two windows */

void
demand_passes(struct demand *d, int64_t now_ms)
{
	int64_t passed_ms = now_ms - d->window_ms;

	if (passed_ms < WINDOW_MS)
		return;
	d->peak_ucr[1] = passed_ms < 2 * WINDOW_MS ? d->peak_ucr[0] : 0;
	d->taken_ucr[1] = passed_ms < 2 * WINDOW_MS ? d->taken_ucr[0] : 0;
	d->calls[1] = passed_ms < 2 * WINDOW_MS ? d->calls[0] : 0;
	d->peak_ucr[0] = d->taken_ucr[0] = d->calls[0] = 0;
	d->window_ms = now_ms;
}

void
demand_called(struct demand *d, int64_t now_ms)
{
	demand_passes(d, now_ms);
	d->calls[0]++;
}

void
demand_reserved(struct demand *d, int64_t reserved_ucr)
{
	if (reserved_ucr > d->peak_ucr[0])
		d->peak_ucr[0] = reserved_ucr;
}

void
demand_taken(struct demand *d, int64_t taken_ucr)
{
	d->taken_ucr[0] = ucr_add(d->taken_ucr[0], taken_ucr);
}

bool
demand_is_lively(const struct demand *d)
{
	return d->calls[0] + d->calls[1] >= LIVELY_CALLS;
}

int64_t
demand_peak_ucr(const struct demand *d)
{
	return d->peak_ucr[0] > d->peak_ucr[1] ? d->peak_ucr[0] : d->peak_ucr[1];
}

int64_t
demand_wanted_ucr(const struct demand *d, int64_t ceiling_ucr, int64_t have_ucr)
{
	int64_t peak_ucr = demand_peak_ucr(d);
	int64_t all_ucr = ucr_add(ucr_add(peak_ucr, peak_ucr), ucr_add(ceiling_ucr, ceiling_ucr));

	all_ucr = ucr_add(all_ucr, ucr_add(d->taken_ucr[0], d->taken_ucr[1]));
	return all_ucr - have_ucr > ceiling_ucr ? all_ucr - have_ucr : ceiling_ucr;
}
