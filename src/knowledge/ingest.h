/*
 * The job that parses: j_knowledge_parse(), one for each user, which does one document and
 * comes again, so that the queue goes round the users.  A document with a password has a job
 * of its own, in whose sealed part that stands.
 *
 *	kb_version: pending ──► parsing ──► chunking ──► embedding ──► ready
 *				   └──────────┴─► failed	 (knowledge/embed.h)
 *
 * Parsing fetches the document first where it stands at an address.  What is interrupted
 * is begun anew; what was interrupted PARSE_TRIES times has failed.
 */
#ifndef WEIR_KNOWLEDGE_INGEST_H
#define WEIR_KNOWLEDGE_INGEST_H

#include "core/sweep.h"
#include "jobs/job.h"

#define PARSE_TRIES 3

enum status j_knowledge_parse(struct context *cx, struct job *job);
/* A sweep: takes up what no job does any more, and removes what nobody wants any more. */
enum status knowledge_sweep(struct sweeper *s);

#endif
