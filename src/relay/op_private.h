/* What the op_*.c share. */
#ifndef WEIR_RELAY_OP_PRIVATE_H
#define WEIR_RELAY_OP_PRIVATE_H

#include <jansson.h>

#include "core/request.h"
#include "ledger/price.h"
#include "wire/dialect.h"

struct op_asked;

/* What the relay knows of an op. */
struct op_row {
	enum op op;
	const char *name;  /* usage.op */
	const char *scope; /* of keys */
	const char *type;  /* of models: llm_models.type */
	bool is_form;	   /* asked by a form with files */
	bool is_slow;	   /* the first byte comes when all of it is done */
	/* Read what is asked; E_INVALID_REQUEST. */
	enum status (*read)(struct request *rq, struct op_asked *out);
};

const struct op_row *op_row(enum op op);

/* What was asked, as far as it matters at the end: run.own, in the run's arena. */
struct operation {
	const struct op_row *row;
	const struct dialect *dialect;
	bool is_single, is_base64; /* of ask_embed */
	bool is_read;		   /* the answer was looked at */
	int64_t prompt_tokens;	   /* our estimate */
	int64_t output_tokens;	   /* at most */
	/* What it can be at most; `seconds_guess`: what is likely. */
	int64_t images, seconds, seconds_guess, characters, queries;
	struct wire_units told; /* by the answer */
	int64_t answer_tokens;	/* of the answer's words, where nobody counted them */
};

/* A request while it is read. */
struct op_asked {
	const struct op_row *row;
	const char *path_model;
	bool is_single;
	struct dialect_ask asked;
	struct operation what;
};

#endif
