/*
 * privileges.c - after the ports are bound, be nobody in particular.
 *
 * Users, secrets and policies are read only after this, so that a reload
 * cannot fail where the start succeeded.
 */
#include "app.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dragoman/base/log.h"

static enum dg_rc
no_user(const char *what, const char *name, struct dg_err *e)
{
	return dg_fail(e, DG_E_CONFIG, 0, NULL,
	    "run_as: no %s \"%s\" on this system", what, name);
}

static enum dg_rc
become(uid_t uid, gid_t gid, const char *user, struct dg_err *e)
{
	if (geteuid() == uid && getegid() == gid)
		return DG_OK;
	if (initgroups(user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "run_as: cannot become %s: %s", user, strerror(errno));
	if (uid != 0 && setuid(0) == 0)
		return dg_fail(e, DG_E_CONFIG, 0, NULL,
		    "run_as: root could be regained");
	return DG_OK;
}

enum dg_rc
dg_app_become(const char *run_as, struct dg_err *e)
{
	char *user = dg_strdup(run_as != NULL ? run_as : "");
	char *group = strchr(user, ':');
	const struct passwd *pw;
	const struct group *gr;
	enum dg_rc rc = DG_OK;
	gid_t gid;
	uid_t uid;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		rc = dg_fail(e, DG_E_CONFIG, 0, NULL, "no_new_privs: %s",
		    strerror(errno));
		goto out;
	}
	if (user[0] == '\0') {
		if (geteuid() == 0)
			dg_log(DG_LOG_WARN, "privileges",
			    dg_kv_z("what", "running as root; set run_as"));
		goto out;
	}
	if (group != NULL)
		*group++ = '\0';
	/* before any thread exists */
	pw = getpwnam(user); /* NOLINT(concurrency-mt-unsafe) */
	if (pw == NULL) {
		rc = no_user("user", user, e);
		goto out;
	}
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	if (group != NULL) {
		gr = getgrnam(group); /* NOLINT(concurrency-mt-unsafe) */
		if (gr == NULL) {
			rc = no_user("group", group, e);
			goto out;
		}
		gid = gr->gr_gid;
	}
	rc = become(uid, gid, user, e);
out:
	free(user);
	return rc;
}
