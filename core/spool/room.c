/*
 * room.c - keeping a piece of the disk aside.
 *
 * A full disk must not lock the queue: what is delivered can only leave it by
 * a write.  So a file of `reserve` bytes lies beside the database.  When the
 * disk is full it is cut to nothing, settles go on in its place, and no new
 * message is taken until there is room for it again.
 *
 * Room is what the disk has free and what the database has: its file keeps the
 * size it had when the queue was longest, and new messages go there first.
 */
#include "spool_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "dragoman/base/clock.h"
#include "dragoman/base/fault.h"
#include "dragoman/base/journal.h"
#include "dragoman/base/log.h"

enum {
	WATCH_MS = 1000
};

static bool
wants_reserve(const struct dg_spool *sp)
{
	return sp->o.reserve > 0 && !sp->o.no_sync;
}

/* Free bytes as an ordinary user sees them; 0 also without inodes. */
static enum dg_rc
free_bytes(const struct dg_spool *sp, uint64_t *out, struct dg_err *e)
{
	struct statvfs v;

	if (statvfs(sp->path, &v) != 0)
		return dg_fail(e, DG_E_IO, 451, "4.3.0",
		    "the spool %s is not there: %s", sp->path, strerror(errno));
	*out = (uint64_t)v.f_bavail * v.f_frsize;
	if ((v.f_files > 0 && v.f_favail == 0) || dg_fault("spool.room"))
		*out = 0;
	return DG_OK;
}

static bool
lay_aside(struct dg_spool *sp)
{
	int rc = posix_fallocate(sp->reserve_fd, 0, (off_t)sp->o.reserve);

	if (rc != 0) /* half of it would only take the room away */
		rc = ftruncate(sp->reserve_fd, 0) == 0 ? rc : errno;
	return rc == 0;
}

enum dg_rc
dg_room_open(struct dg_spool *sp, struct dg_err *e)
{
	char *file;

	if (!wants_reserve(sp))
		return DG_OK;
	file = dg_sprintf("%s/reserve", sp->path);
	sp->reserve_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (sp->reserve_fd < 0) {
		(void)dg_disk_fail(e, "open", file);
	} else if (!lay_aside(sp)) {
		/* also a full disk must start, to be emptied */
		atomic_store(&sp->is_short, true);
		dg_journal_pause(true);
		dg_log(DG_LOG_WARN, "spool-full", dg_kv_z("path", sp->path));
	}
	free(file);
	return sp->reserve_fd < 0 ? e->rc : DG_OK;
}

enum dg_rc
dg_room_check(struct dg_spool *sp, struct dg_err *e)
{
	uint64_t room, inside = atomic_load(&sp->store_free);

	if (free_bytes(sp, &room, e) != DG_OK)
		return e->rc;
	if (room + inside < sp->o.reserve || room + inside == 0 ||
	    atomic_load(&sp->is_short))
		return dg_fail(e, DG_E_FULL, 452, "4.3.1",
		    "insufficient system storage, try again later");
	return DG_OK;
}

bool
dg_room_spend(struct dg_spool *sp)
{
	if (!wants_reserve(sp) || atomic_load(&sp->is_short))
		return false;
	atomic_store(&sp->is_short, true);
	dg_journal_pause(true); /* this room is for settling */
	sp->is_low = true;
	sp->watched_ms = 0; /* look soon: it may have been a moment */
	dg_log(DG_LOG_ERROR, "spool-full", dg_kv_z("path", sp->path));
	return ftruncate(sp->reserve_fd, 0) == 0;
}

/* Half of the reserve is what a database may be written anew in: this thread
 * does it, and settles wait. */
static void
regain(struct dg_spool *sp)
{
	uint64_t room = 0;
	struct dg_err e = { 0 };

	sp->is_low =
	    free_bytes(sp, &room, &e) != DG_OK || room < 2 * sp->o.reserve;
	if (sp->is_low) {
		dg_store_shrink(sp->store, sp->o.reserve / 2);
		(void)free_bytes(sp, &room, &e);
	}
	atomic_store(&sp->store_free, dg_store_free(sp->store));
	if (!atomic_load(&sp->is_short) || room < sp->o.reserve ||
	    room + atomic_load(&sp->store_free) < 2 * sp->o.reserve ||
	    !lay_aside(sp))
		return;
	atomic_store(&sp->is_short, false);
	dg_journal_pause(false);
	dg_log(DG_LOG_INFO, "spool-has-room", dg_kv_z("path", sp->path));
}

void
dg_room_watch(struct dg_spool *sp)
{
	int64_t now = dg_mono_ms();

	if (!wants_reserve(sp) ||
	    (sp->watched_ms > 0 && now - sp->watched_ms < WATCH_MS))
		return;
	sp->watched_ms = now;
	regain(sp);
}
