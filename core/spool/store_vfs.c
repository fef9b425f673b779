/*
 * store_vfs.c - the system's files as the database sees them: what it syncs is
 * counted, and faults can be put in.
 */
#include "store_state.h"

#include <stdio.h>

#include "dragoman/base/fault.h"

static int
on_file_sync(sqlite3_file *f, int flags)
{
	const struct watched *w = (const struct watched *)f->pMethods;

	if (dg_fault("spool.sync"))
		return SQLITE_IOERR_FSYNC;
	w->st->syncs++;
	return w->real->xSync(f, flags);
}

static int
on_file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	const struct watched *w = (const struct watched *)f->pMethods;

	if (dg_fault("spool.write.full"))
		return SQLITE_FULL;
	if (dg_fault("spool.write.io"))
		return SQLITE_IOERR_WRITE;
	return w->real->xWrite(f, p, n, at);
}

static int
on_file_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *out_flags)
{
	struct dg_store *st = (struct dg_store *)vfs;
	struct watched *w = &st->files[(flags & SQLITE_OPEN_WAL) != 0];
	int rc = st->system->xOpen(st->system, name, f, flags, out_flags);

	if (rc != SQLITE_OK || f->pMethods == NULL ||
	    (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0)
		return rc;
	w->io = *f->pMethods;
	w->real = f->pMethods;
	w->st = st;
	w->io.xSync = on_file_sync;
	w->io.xWrite = on_file_write;
	f->pMethods = &w->io;
	return SQLITE_OK;
}

void
dg_store_watch(struct dg_store *st)
{
	st->system = sqlite3_vfs_find(NULL);
	st->vfs = *st->system;
	snprintf(st->vfs_name, sizeof(st->vfs_name), "dg-%p", (void *)st);
	st->vfs.zName = st->vfs_name;
	st->vfs.pNext = NULL;
	st->vfs.xOpen = on_file_open;
	(void)sqlite3_vfs_register(&st->vfs, 0);
}
