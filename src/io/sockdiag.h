/* How many connections wait on a listening unix socket: what `ss -xl` shows. */
#ifndef WEIR_IO_SOCKDIAG_H
#define WEIR_IO_SOCKDIAG_H

#include <stdbool.h>
#include <stdint.h>

/* Ask the kernel (sock_diag(7)) about the listening unix socket with this
 * inode (fstat() of its descriptor): connections that wait to be accepted, and
 * how many may.  False when it cannot be told: no such socket in this network
 * namespace, another family, or netlink is not allowed here.  Any thread. */
bool sockdiag_listen_queue(uint64_t inode, int64_t *waiting, int64_t *backlog);

#endif
