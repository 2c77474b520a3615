#include "base/address.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct block {
	uint8_t net[16];
	uint8_t bits;
	enum reach reach;
	bool holds_v4; /* its last 32 bits are the IPv4 address that is meant */
};

#define PAIR(g) (uint8_t)((g) >> 8), (uint8_t)((g) % 256)
#define V6(a, b, c, d, e, f, g, h, bits) \
	{ PAIR(a), PAIR(b), PAIR(c), PAIR(d), PAIR(e), PAIR(f), PAIR(g), PAIR(h) }, (bits)
/* As its IPv4-mapped address, so that one table and one look do for both. */
#define V4(a, b, c, d, bits) { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d) }, 96 + (bits)

/*
 * Every block with a purpose of its own; the longest that holds an address
 * decides.  From IANA's registries, with their entries up to RFC 9780 (2025):
 *
 *	IPv4 Special-Purpose Address Registry	  iana-ipv4-special-registry
 *	IPv6 Special-Purpose Address Registry	  iana-ipv6-special-registry
 *	Internet Protocol Version 6 Address Space ipv6-address-space
 *	IPv4 Address Space (multicast, class E)	  ipv4-address-space
 *
 * all at https://www.iana.org/assignments/.  A block within another has a row
 * only where it differs.
 * The blocks that are reachable and yet special (AS112, AMT, anycast) are no
 * place for a provider either.
 */
static const struct block blocks[] = {
	/* IPv4 */
	{ V4(0, 0, 0, 0, 0), REACH_PUBLIC, false },	    /* all others */
	{ V4(0, 0, 0, 0, 8), REACH_RESERVED, false },	    /* this network */
	{ V4(10, 0, 0, 0, 8), REACH_PRIVATE, false },	    /* private use */
	{ V4(100, 64, 0, 0, 10), REACH_PRIVATE, false },    /* shared: carriers' NAT */
	{ V4(127, 0, 0, 0, 8), REACH_PRIVATE, false },	    /* loopback */
	{ V4(169, 254, 0, 0, 16), REACH_RESERVED, false },  /* link-local: cloud metadata */
	{ V4(172, 16, 0, 0, 12), REACH_PRIVATE, false },    /* private use */
	{ V4(192, 0, 0, 0, 24), REACH_RESERVED, false },    /* IETF protocol assignments */
	{ V4(192, 0, 2, 0, 24), REACH_RESERVED, false },    /* documentation 1 */
	{ V4(192, 31, 196, 0, 24), REACH_RESERVED, false }, /* AS112 */
	{ V4(192, 52, 193, 0, 24), REACH_RESERVED, false }, /* AMT */
	{ V4(192, 88, 99, 0, 24), REACH_RESERVED, false },  /* 6to4 relays, deprecated */
	{ V4(192, 168, 0, 0, 16), REACH_PRIVATE, false },   /* private use */
	{ V4(192, 175, 48, 0, 24), REACH_RESERVED, false }, /* AS112, direct delegation */
	{ V4(198, 18, 0, 0, 15), REACH_PRIVATE, false },    /* benchmarks of networks */
	{ V4(198, 51, 100, 0, 24), REACH_RESERVED, false }, /* documentation 2 */
	{ V4(203, 0, 113, 0, 24), REACH_RESERVED, false },  /* documentation 3 */
	{ V4(224, 0, 0, 0, 4), REACH_RESERVED, false },	    /* multicast */
	{ V4(240, 0, 0, 0, 4), REACH_RESERVED, false },	    /* reserved; limited broadcast */
	/* not IANA's: where clouds keep their metadata outside link-local */
	{ V4(100, 100, 100, 200, 32), REACH_RESERVED, false },			 /* Alibaba Cloud */
	{ V6(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254, 128), REACH_RESERVED, false }, /* AWS */
	/* IPv6: only 2000::/3 is assigned as global unicast */
	{ V6(0x2000, 0, 0, 0, 0, 0, 0, 0, 3), REACH_PUBLIC, false },
	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 96), REACH_RESERVED, false },		/* unspecified; IPv4-compatible */
	{ V6(0, 0, 0, 0, 0, 0, 0, 1, 128), REACH_PRIVATE, false },		/* loopback */
	{ V6(0, 0, 0, 0, 0xffff, 0, 0, 0, 96), REACH_RESERVED, false },		/* IPv4-translated (SIIT) */
	{ V6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0, 96), REACH_RESERVED, true },	/* NAT64 */
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48), REACH_RESERVED, false },	/* NAT64, local use */
	{ V6(0x100, 0, 0, 0, 0, 0, 0, 0, 64), REACH_RESERVED, false },		/* discard only */
	{ V6(0x100, 0, 0, 1, 0, 0, 0, 0, 64), REACH_RESERVED, false },		/* dummy prefix */
	{ V6(0x2001, 0, 0, 0, 0, 0, 0, 0, 23), REACH_RESERVED, false },		/* IETF: Teredo, ORCHID, AMT, ... */
	{ V6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0, 32), REACH_RESERVED, false },	/* documentation */
	{ V6(0x2002, 0, 0, 0, 0, 0, 0, 0, 16), REACH_RESERVED, false },		/* 6to4 */
	{ V6(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0, 48), REACH_RESERVED, false }, /* AS112 */
	{ V6(0x3fff, 0, 0, 0, 0, 0, 0, 0, 20), REACH_RESERVED, false },		/* documentation */
	{ V6(0x5f00, 0, 0, 0, 0, 0, 0, 0, 16), REACH_RESERVED, false },		/* segment routing SIDs */
	{ V6(0xfc00, 0, 0, 0, 0, 0, 0, 0, 7), REACH_PRIVATE, false },		/* unique local */
	{ V6(0xfe80, 0, 0, 0, 0, 0, 0, 0, 10), REACH_RESERVED, false },		/* link-local */
	{ V6(0xfec0, 0, 0, 0, 0, 0, 0, 0, 10), REACH_PRIVATE, false },		/* site-local, deprecated */
	{ V6(0xff00, 0, 0, 0, 0, 0, 0, 0, 8), REACH_RESERVED, false },		/* multicast */
};

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool
block_has(const struct block *b, const uint8_t a[16])
{
	unsigned whole = b->bits / 8, rest = b->bits % 8;

	if (memcmp(b->net, a, whole) != 0)
		return false;
	return rest == 0 || (b->net[whole] ^ a[whole]) >> (8 - rest) == 0;
}

static const struct block *
block_of(const uint8_t a[16])
{
	const struct block *best = NULL;

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (block_has(&blocks[i], a) && (best == NULL || blocks[i].bits > best->bits))
			best = &blocks[i];
	return best;
}

enum reach
address_reach(const struct sockaddr *sa)
{
	const struct block *b;
	uint8_t a[16];

	if (sa->sa_family == AF_INET) {
		memcpy(a, mapped, sizeof(mapped));
		memcpy(a + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(a, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	} else {
		return REACH_RESERVED;
	}
	b = block_of(a);
	if (b != NULL && b->holds_v4) {
		memcpy(a, mapped, sizeof(mapped));
		b = block_of(a);
	}
	return b == NULL ? REACH_RESERVED : b->reach;
}
