/*
 * scratch.c - what a lab leaves behind is removed.
 */
#include "app.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

void
dg_app_remove_dir(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *de;

	/* one thread uses this stream */
	while (d != NULL && (de = readdir(d)) != NULL) { /* NOLINT */
		char *sub = dg_sprintf("%s/%s", path, de->d_name);

		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0 && unlink(sub) != 0)
			dg_app_remove_dir(sub);
		free(sub);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(path);
}
