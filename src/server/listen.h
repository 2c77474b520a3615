/* The listening socket: inherited as descriptor 0, or made from --listen. */
#ifndef WEIR_SERVER_LISTEN_H
#define WEIR_SERVER_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/status.h"

#define LISTEN_BACKLOG 1024

struct listener {
	int fd;
	uint64_t inode;	  /* of the socket, as sock_diag knows it */
	char path[108];	  /* what we made and remove at the end; "" when inherited */
	struct stat file; /* of that path, to remove nothing that somebody else put there */
};

/* Take descriptor 0, as spawn-fcgi, multiwatch, mod_fcgid and systemd's
 * StandardInput=socket hand it over.  False when it is no listening socket. */
bool listen_inherit(struct listener *out);
/* Make the unix socket of `spec`: PATH[,MODE[,GROUP]], MODE octal (0660).  A
 * socket nobody listens on any more is replaced; one in use is not.  False and
 * a sentence in `problem`. */
bool listen_make(const char *spec, struct listener *out, char problem[256]);
/* Remove the path of a listener made by listen_make(), so that the web server
 * sees at once that nobody is there. */
void listen_unlink(struct listener *l);

#endif
