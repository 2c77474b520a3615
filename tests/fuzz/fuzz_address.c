/*
 * The address guard: no address of a kind that <netinet/in.h> knows as special
 * is public, an IPv4 address reaches the same in every shell, and tunnels reach
 * nothing.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum reach
reach6(const struct in6_addr *a)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = *a };

	return address_reach((struct sockaddr *)(void *)&sa);
}

static enum reach
reach_in(const char *head, size_t head_len, const uint8_t *v4, size_t at)
{
	struct in6_addr a = { 0 };

	memcpy(a.s6_addr, head, head_len);
	memcpy(a.s6_addr + at, v4, 4);
	return reach6(&a);
}

static void
check4(const uint8_t *v4)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	enum reach reach;

	memcpy(&sa.sin_addr, v4, 4);
	reach = address_reach((struct sockaddr *)(void *)&sa);
	if (reach == REACH_PUBLIC && (v4[0] == 0 || v4[0] == 10 || v4[0] == 127 || v4[0] >= 224))
		abort();
	if (reach_in("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12, v4, 12) != reach || /* mapped */
	    reach_in("\0\x64\xff\x9b", 4, v4, 12) != reach)		     /* NAT64 */
		abort();
	if (reach_in("\x20\x02", 2, v4, 2) != REACH_RESERVED ||			    /* 6to4 */
	    reach_in("\x20\x01\0\0", 4, v4, 12) != REACH_RESERVED ||		    /* Teredo */
	    reach_in("\0\0\0\0\0\0\0\0\xff\xff\0\0", 12, v4, 12) != REACH_RESERVED) /* translated */
		abort();
}

static void
check6(const struct in6_addr *a)
{
	bool is_special = IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_UNSPECIFIED(a) ||
	    IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_SITELOCAL(a) || (a->s6_addr[0] & 0xfe) == 0xfc ||
	    IN6_IS_ADDR_V4COMPAT(a);

	if (is_special && reach6(a) == REACH_PUBLIC)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in6_addr a;

	if (size >= 4)
		check4(data);
	if (size >= sizeof(a)) {
		memcpy(&a, data, sizeof(a));
		check6(&a);
		check4(data + 12);
	}
	return 0;
}
