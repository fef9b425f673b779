/* pace.c - see pace.h. */
#include "pace.h"

/* ---- connections ---- */

unsigned
dg_pace_connections(const struct dg_pace *p, unsigned most)
{
	unsigned n = p->allowed > 0 ? p->allowed : 1;

	return n < most ? n : most;
}

void
dg_pace_grow(struct dg_pace *p, unsigned in_use, unsigned most)
{
	unsigned n = dg_pace_connections(p, most);

	if (in_use < n || n >= most)
		return; /* it was not this that limited us */
	if (p->was_cut && ++p->good < n)
		return;
	p->good = 0;
	p->allowed = n + 1;
}

void
dg_pace_cut(struct dg_pace *p)
{
	p->allowed = p->allowed > 1 ? p->allowed / 2 : 1;
	p->good = 0;
	p->was_cut = true;
}

void
dg_pace_reset(struct dg_pace *p)
{
	p->allowed = 1;
	p->good = 0;
	p->was_cut = false;
}

/* ---- messages ---- */

static uint64_t
burst(uint64_t n)
{
	return n >= 20 ? n / 10 : 1;
}

/* In any period: what the bucket held, and what came in, are n together. */
static int64_t
interval_us(uint64_t n, int64_t period_ms)
{
	uint64_t us = (uint64_t)period_ms * 1000;
	uint64_t refills = n - burst(n) + 1;

	return (int64_t)((us + refills - 1) / refills);
}

int64_t
dg_pace_wait(const struct dg_pace *p, uint64_t n, int64_t period_ms,
    int64_t now_ms)
{
	int64_t room, us;

	if (n == 0)
		return 0;
	room = (int64_t)(burst(n) - 1) * interval_us(n, period_ms);
	us = p->full_at_us - room - now_ms * 1000;
	return us > 0 ? (us + 999) / 1000 : 0;
}

void
dg_pace_take(struct dg_pace *p, uint64_t n, int64_t period_ms, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;

	if (n == 0)
		return;
	if (p->full_at_us < now_us)
		p->full_at_us = now_us;
	p->full_at_us += interval_us(n, period_ms);
}
