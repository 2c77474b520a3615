/*
 * A key while it is made: the only time that it is known in full.
 */
#ifndef WEIR_ACCOUNT_KEY_NEW_H
#define WEIR_ACCOUNT_KEY_NEW_H

#include "account/key_text.h"
#include "base/crypto.h"
#include "base/ids.h"

struct new_key {
	char id[UUID_LEN], text[KEY_TEXT_LEN], shown[KEY_SHOWN_LEN];
	unsigned char hash[SHA256_BYTES];
};

/* Make one up.  Any thread. */
void key_make(struct new_key *k);

#endif
