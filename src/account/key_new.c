#include "account/key_new.h"

#include <string.h>

void
key_make(struct new_key *k)
{
	unsigned char random[KEY_RANDOM_BYTES];

	crypto_random(random, sizeof(random));
	uuid_v7(k->id);
	key_text_write(random, k->text);
	key_text_shown(k->text, k->shown);
	crypto_sha256(k->text, strlen(k->text), k->hash);
}
