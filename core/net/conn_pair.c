/* conn_pair.c - two connections that are each other's other end.
 *
 * Why a pair of sockets and not the library's pairs in memory: those have no
 * end of file, no reset, no bound and no TLS on a descriptor, so a policy test
 * would pass over another transport than the one that runs.  These never leave
 * the kernel either, and what one end sent is there in the next turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "dragoman/base/log.h"
#include "dragoman/net/conn.h"

void
dg_conn_pair(struct dg_loop *l, struct dg_conn **a, struct dg_conn **b)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		fds) != 0) {
		dg_log(DG_LOG_ERROR, "no-socket-pair", dg_kv_i("errno", errno));
		abort();
	}
	*a = dg_conn_new(l, fds[0], NULL, NULL);
	*b = dg_conn_new(l, fds[1], NULL, NULL);
}
