/*
 * Where an IP address leads: the open Internet, a private network, or nowhere
 * a request should ever go.  The address guard (SSRF) stands on this.
 */
#ifndef WEIR_BASE_ADDRESS_H
#define WEIR_BASE_ADDRESS_H

#include <sys/socket.h>

/* Nobody may be sent to REACH_RESERVED (link-local with its cloud metadata,
 * multicast, documentation, tunnels); REACH_PRIVATE needs leave. */
enum reach { REACH_PUBLIC, REACH_PRIVATE, REACH_RESERVED };

/* The reach of an AF_INET or AF_INET6 address; REACH_RESERVED for any other
 * family.  An IPv4 address inside an IPv6 one (mapped, NAT64) counts as itself.
 * Any thread. */
enum reach address_reach(const struct sockaddr *sa);

#endif
