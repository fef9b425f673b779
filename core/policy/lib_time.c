/* lib_time.c - d.time: what time it is, for hooks.
 *
 *	d.time.now()             whole seconds since 1970
 *	d.time.date([format [, t]])
 *
 * date is os.date without its traps: t is whole seconds (now, when absent) of
 * the years 0 to 9999; local time, or UTC with a "!" in front of the format.
 * No format or "*t": a table of year month (1-12) day hour min sec wday
 * (Sunday is 1) yday isdst, and weekday ("monday", always English).  Else a
 * text by strftime's conversions of C99, without E and O; another one raises.
 *
 * The clock is base/clock, so a test may jump.  At load all of it raises.
 */
#include "lib.h"

#include <stdio.h>
#include <time.h>

#include "dragoman/base/clock.h"

#define CONVERSIONS "aAbBcdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%"

enum {
	FORMAT_MAX = 100
};
static const lua_Integer FROM = -62167219200, TO = 253402300799;

static int
l_time_now(lua_State *L)
{
	dg_lib_in_hook(L, "d.time.now");
	lua_pushinteger(L, dg_now_ms() / 1000);
	return 1;
}

static void
set(lua_State *L, const char *name, int n)
{
	lua_pushinteger(L, n);
	lua_setfield(L, -2, name);
}

static int
push_table(lua_State *L, const struct tm *tm)
{
	static const char *const days[] = { "sunday", "monday", "tuesday",
		"wednesday", "thursday", "friday", "saturday" };

	lua_createtable(L, 0, 10);
	set(L, "year", tm->tm_year + 1900);
	set(L, "month", tm->tm_mon + 1);
	set(L, "day", tm->tm_mday);
	set(L, "hour", tm->tm_hour);
	set(L, "min", tm->tm_min);
	set(L, "sec", tm->tm_sec);
	set(L, "wday", tm->tm_wday + 1);
	set(L, "yday", tm->tm_yday + 1);
	lua_pushboolean(L, tm->tm_isdst > 0);
	lua_setfield(L, -2, "isdst");
	lua_pushstring(L, days[tm->tm_wday]);
	lua_setfield(L, -2, "weekday");
	return 1;
}

static void
check_format(lua_State *L, struct dg_str f)
{
	if (f.n > FORMAT_MAX || memchr(f.p, '\0', f.n) != NULL)
		dg_vm_raise(L, NULL, NULL,
		    "d.time.date: a format has at most %d characters",
		    FORMAT_MAX);
	for (size_t i = 0; i < f.n; i++) {
		if (f.p[i] != '%')
			continue;
		if (++i == f.n || strchr(CONVERSIONS, f.p[i]) == NULL)
			dg_vm_raise(L, NULL, NULL,
			    "d.time.date: format \"%s\" has a %% that means "
			    "nothing",
			    f.p);
	}
}

/* The format was checked: this is the one place that may pass it on. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static int
push_text(lua_State *L, const char *format, const struct tm *tm)
{
	char text[FORMAT_MAX * 40];

	lua_pushlstring(L, text, strftime(text, sizeof(text), format, tm));
	return 1;
}
#pragma GCC diagnostic pop

static int
l_time_date(lua_State *L)
{
	struct dg_str f = DG_STR("*t");
	lua_Integer t = dg_now_ms() / 1000;
	struct tm tm;
	time_t when;
	bool is_utc;

	dg_lib_in_hook(L, "d.time.date");
	dg_lib_charge(L, 512);
	if (!lua_isnoneornil(L, 1))
		f = dg_lib_text(L, 1, "d.time.date", "format");
	if (!lua_isnoneornil(L, 2))
		t = dg_lib_integer(L, 2, "d.time.date", "t");
	if (t < FROM || t > TO)
		return dg_vm_raise(L, NULL, NULL,
		    "d.time.date: t is not within the years 0 to 9999");
	is_utc = f.n > 0 && f.p[0] == '!';
	f = dg_str_from(f, is_utc ? 1 : 0);
	when = (time_t)t;
	if ((is_utc ? gmtime_r(&when, &tm) : localtime_r(&when, &tm)) == NULL)
		return dg_lib_fail(L, "no such time");
	if (dg_str_is(f, "*t"))
		return push_table(L, &tm);
	check_format(L, f);
	return push_text(L, f.p, &tm);
}

void
dg_lib_time(lua_State *L)
{
	static const luaL_Reg fns[] = { { "now", l_time_now },
		{ "date", l_time_date }, { NULL, NULL } };

	luaL_newlib(L, fns);
}
