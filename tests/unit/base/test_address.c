/* The reach of addresses: each block's first and last one, and their neighbours. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define PUB REACH_PUBLIC
#define PRIV REACH_PRIVATE
#define RES REACH_RESERVED

/* Written down from the registries, not from the code. */
static const struct {
	const char *block;
	enum reach in, before, after; /* of the neighbours; any when there is none */
} blocks[] = {
	{ "0.0.0.0/8", RES, PUB, PUB },
	{ "0.0.0.0/32", RES, PUB, RES },
	{ "10.0.0.0/8", PRIV, PUB, PUB },
	{ "100.64.0.0/10", PRIV, PUB, PUB },
	{ "100.100.100.200/32", RES, PRIV, PRIV },
	{ "127.0.0.0/8", PRIV, PUB, PUB },
	{ "169.254.0.0/16", RES, PUB, PUB },
	{ "172.16.0.0/12", PRIV, PUB, PUB },
	{ "192.0.0.0/24", RES, PUB, PUB },
	{ "192.0.0.0/29", RES, PUB, RES },
	{ "192.0.0.8/32", RES, RES, RES },
	{ "192.0.0.9/32", RES, RES, RES },
	{ "192.0.0.10/32", RES, RES, RES },
	{ "192.0.0.170/31", RES, RES, RES },
	{ "192.0.2.0/24", RES, PUB, PUB },
	{ "192.31.196.0/24", RES, PUB, PUB },
	{ "192.52.193.0/24", RES, PUB, PUB },
	{ "192.88.99.0/24", RES, PUB, PUB },
	{ "192.168.0.0/16", PRIV, PUB, PUB },
	{ "192.175.48.0/24", RES, PUB, PUB },
	{ "198.18.0.0/15", PRIV, PUB, PUB },
	{ "198.51.100.0/24", RES, PUB, PUB },
	{ "203.0.113.0/24", RES, PUB, PUB },
	{ "224.0.0.0/4", RES, PUB, RES },
	{ "240.0.0.0/4", RES, RES, PUB },
	{ "255.255.255.255/32", RES, RES, PUB },
	{ "::/128", RES, RES, PRIV },
	{ "::1/128", PRIV, RES, RES },
	{ "::127.0.0.1/128", RES, RES, RES },
	{ "::8.8.8.8/128", RES, RES, RES },
	{ "::fffe:0:0/96", RES, RES, RES },
	{ "::ffff:0:0:0/96", RES, RES, RES },
	{ "64:ff9b:1::/48", RES, RES, RES },
	{ "100::/64", RES, RES, RES },
	{ "100:0:0:1::/64", RES, RES, RES },
	{ "2000::/4", PUB, RES, PUB },
	{ "2001::/23", RES, PUB, PUB },
	{ "2001::/32", RES, PUB, RES },
	{ "2001:1::1/128", RES, RES, RES },
	{ "2001:1::2/128", RES, RES, RES },
	{ "2001:1::3/128", RES, RES, RES },
	{ "2001:2::/48", RES, RES, RES },
	{ "2001:3::/32", RES, RES, RES },
	{ "2001:4:112::/48", RES, RES, RES },
	{ "2001:10::/28", RES, RES, RES },
	{ "2001:20::/28", RES, RES, RES },
	{ "2001:30::/28", RES, RES, RES },
	{ "2001:db8::/32", RES, PUB, PUB },
	{ "2002::/16", RES, PUB, PUB },
	{ "2620:4f:8000::/48", RES, PUB, PUB },
	{ "3fff::/20", RES, PUB, PUB },
	{ "4000::/2", RES, PUB, RES },
	{ "5f00::/16", RES, RES, RES },
	{ "8000::/2", RES, RES, RES },
	{ "c000::/3", RES, RES, RES },
	{ "f000::/5", RES, RES, RES },
	{ "fc00::/7", PRIV, RES, RES },
	{ "fd00:ec2::254/128", RES, PRIV, PRIV },
	{ "fe80::/10", RES, RES, PRIV },
	{ "fec0::/10", PRIV, RES, RES },
	{ "ff00::/8", RES, PRIV, RES },
};

static enum reach
reach_of(int family, const unsigned char *bytes)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (family == AF_INET) {
		memcpy(&v4.sin_addr, bytes, 4);
		return address_reach((struct sockaddr *)(void *)&v4);
	}
	memcpy(&v6.sin6_addr, bytes, 16);
	return address_reach((struct sockaddr *)(void *)&v6);
}

static enum reach
reach_text(const char *text)
{
	unsigned char bytes[16];
	int family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;

	CU_ASSERT_EQUAL_FATAL(inet_pton(family, text, bytes), 1);
	return reach_of(family, bytes);
}

static void
expect(const char *block, const char *which, int family, const unsigned char *bytes, enum reach wanted)
{
	enum reach got = reach_of(family, bytes);
	char text[INET6_ADDRSTRLEN];

	if (got != wanted)
		printf("# %s of %s, %s: %d, not %d\n", which, block, inet_ntop(family, bytes, text, sizeof(text)),
		    (int)got, (int)wanted);
	CU_ASSERT_EQUAL(got, wanted);
}

/* Add 1 or -1; false past either end. */
static bool
step(unsigned char *bytes, int len, int by)
{
	for (int i = len - 1; i >= 0; i--) {
		bytes[i] = (unsigned char)(bytes[i] + by);
		if (bytes[i] != (by > 0 ? 0x00 : 0xff))
			return true;
	}
	return false;
}

static void
check_block(size_t i)
{
	const char *block = blocks[i].block;
	int family = strchr(block, ':') == NULL ? AF_INET : AF_INET6, len = family == AF_INET ? 4 : 16;
	int bits = atoi(strchr(block, '/') + 1);
	unsigned char first[16], last[16];
	char text[INET6_ADDRSTRLEN];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(block, "/"), block);
	CU_ASSERT_EQUAL_FATAL(inet_pton(family, text, first), 1);
	memcpy(last, first, sizeof(last));
	for (int bit = bits; bit < len * 8; bit++)
		last[bit / 8] |= (unsigned char)(0x80 >> bit % 8);
	expect(block, "first", family, first, blocks[i].in);
	expect(block, "last", family, last, blocks[i].in);
	if (step(first, len, -1))
		expect(block, "before", family, first, blocks[i].before);
	if (step(last, len, 1))
		expect(block, "after", family, last, blocks[i].after);
}

static void
test_blocks(void)
{
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		check_block(i);
}

/* Mapped and NAT64 addresses are what they hold. */
static void
test_held_ipv4(void)
{
	static const char *const shells[] = { "::ffff:", "64:ff9b::" };
	static const char *const held[] = { "8.8.8.8", "1.1.1.1", "10.1.2.3", "127.0.0.1", "169.254.169.254",
		"192.168.1.1", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.88.99.1", "203.0.113.9" };
	char text[INET6_ADDRSTRLEN + 16];

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		for (size_t k = 0; k < sizeof(held) / sizeof(held[0]); k++) {
			snprintf(text, sizeof(text), "%s%s", shells[i], held[k]);
			CU_ASSERT_EQUAL(reach_text(text), reach_text(held[k]));
		}
	}
	CU_ASSERT_EQUAL(reach_text("::ffff:169.254.169.254"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("64:ff9b::8.8.8.8"), REACH_PUBLIC);
	CU_ASSERT_EQUAL(reach_text("64:ff9b::10.0.0.1"), REACH_PRIVATE);
	CU_ASSERT_EQUAL(reach_text("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("64:ff9b::1:0:0"), REACH_RESERVED);
}

/* Tunnels and translations are refused whatever they hold: 6to4, Teredo, SIIT, local NAT64. */
static void
test_tunnels(void)
{
	CU_ASSERT_EQUAL(reach_text("2002:7f00:1::1"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("2002:a9fe:a9fe::"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("2002:808:808::1"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("2001:0:808:808:0:fbff:80ff:fffe"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("::ffff:0:127.0.0.1"), REACH_RESERVED);
	CU_ASSERT_EQUAL(reach_text("64:ff9b:1::127.0.0.1"), REACH_RESERVED);
}

static void
test_the_internet(void)
{
	static const char *const some[] = { "1.1.1.1", "8.8.8.8", "104.18.6.192", "223.255.255.255",
		"2606:4700::6812:6c0", "2400:3200::1", "2a00:1450:4001:800::200e", "2001:4860:4860::8888",
		"3ffe:ffff::1" };

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		CU_ASSERT_EQUAL(reach_text(some[i]), REACH_PUBLIC);
}

static void
test_other_families(void)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };

	CU_ASSERT_EQUAL(address_reach(&sa), REACH_RESERVED);
	sa.sa_family = AF_UNSPEC;
	CU_ASSERT_EQUAL(address_reach(&sa), REACH_RESERVED);
}

static CU_TestInfo tests[] = {
	{ "each block: first, last, neighbours", test_blocks },
	{ "IPv4 within IPv6", test_held_ipv4 },
	{ "tunnels", test_tunnels },
	{ "the Internet", test_the_internet },
	{ "other families", test_other_families },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "address", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
