/* libraries_fuzz.c - what strangers send, given to every library that takes
 * texts: no call may raise (all arguments have the right type), and what goes
 * out comes back the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/policy/vm.h"
#include "dragoman/base/errors.h"
#include "dragoman/policy/host.h"
#include "dragoman/policy/library.h"
#include "dragoman/policy/policy.h"
#include "dragoman/policy/shared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] =
    "local d = require 'dragoman'\n"
    "d.on.report = function(x)\n"
    "  local a, b = x:sub(1, #x // 2), x:sub(#x // 2 + 1)\n"
    "  assert(d.base64.decode(d.base64.encode(x)) == x)\n"
    "  local raw = d.base64.decode(x)\n"
    "  assert(not raw or #raw == #x // 4 * 3 - #x:match '=*$')\n"
    "  assert(not d.url(x):find('[^%w%-%._~%%]'))\n"
    "  assert(#d.sha256(x) == 64)\n"
    "  assert(d.glob('*', x) and d.glob('*' .. '?*', x) == (x ~= ''))\n"
    "  if not b:find('[*?]') and not b:find('^[\\x80-\\xbf]') then\n"
    "    assert(d.glob('*' .. b, x) and d.glob('*' .. b .. '*', x .. 'y'))\n"
    "  end\n"
    "  d.glob(a, b)\n"
    "  assert(d.find(x, b) == x:find(b, 1, true))\n"
    "  assert(d.find(x, a, { any_case = true }) == 1)\n"
    "  assert(not d.cidr('0.0.0.0/0 ::/0', x .. 'g'))\n"
    "  local v = d.json.decode(x)\n"
    "  if v ~= nil then\n"
    "    local text = d.json.encode(v)\n"
    "    if text then\n"
    "      assert(d.json.encode(d.json.decode(text)) == text)\n"
    "    end\n"
    "  end\n"
    "  local s = d.kv 'fuzz'\n"
    "  if s:set(a, b) then assert(s:get(a) == b) end\n"
    "  s:del(a)\n"
    "  if s:incr(a, #b) then assert(s:get(a) == #b) end\n"
    "  s:del(a)\n"
    "  d.rate('fuzz', '1000000/s', x)\n"
    "  d.alert('fuzz', x)\n"
    "end\n";

static struct dg_policy_state *s;

static void
on_alert(void *ctx, const char *name, const char *text)
{
	(void)ctx;
	(void)name;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			abort();
}

static void
start(void)
{
	static struct dg_policy_host host = { .alert = on_alert };
	struct dg_policy_allow allow[32];
	char path[] = "/tmp/dragoman-fuzz-XXXXXX";
	const char *const files[] = { path, NULL };
	const char *const none[] = { NULL };
	struct dg_policy_options o = { .files = files,
		.ready_dirs = none,
		.allow = allow };
	struct dg_errors errors;
	struct dg_policy *p;
	int fd = mkstemp(path);

	for (const char *const *l = dg_library_names(); *l != NULL; l++)
		allow[o.n_allow++] = (struct dg_policy_allow){ .name = *l };
	if (fd < 0 || write(fd, policy, sizeof(policy) - 1) < 0)
		abort();
	close(fd);
	dg_errors_init(&errors);
	p = dg_policy_load(&o, &errors);
	unlink(path);
	if (p == NULL)
		abort();
	s = dg_policy_state_new(p, &errors);
	dg_errors_fini(&errors); /* a warning: there are no ready policies */
	host.shared = dg_shared_new(NULL);
	dg_policy_state_attach(s, &host);
}

static int
call(lua_State *L)
{
	const struct dg_str *in = lua_touserdata(L, 1);

	dg_vm_push_hook(L, 1);
	lua_pushlstring(L, in->p, in->n);
	lua_call(L, 1, 0);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_str in = dg_str_of(data, size);
	struct dg_err e = { 0 };

	if (s == NULL)
		start();
	lua_pushcfunction(s->vm.L, call);
	lua_pushlightuserdata(s->vm.L, &in);
	if (dg_vm_run(&s->vm, s->vm.L, 1, 100 * 1000 * 1000, &e) != DG_OK) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	return 0;
}
