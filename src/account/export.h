/*
 * All of an account as one file of JSON, for its owner: who it is, conversations with every
 * version of their messages, files and bases (names, not bytes), API keys (names, not secrets),
 * pictures and films that were made, and each change of the balance.
 *
 *	{"format": "weir-account", "version": 1, "made_at", "account": {…}, "conversations": [{…,
 *	messages: […]}], "uploads": […], "made": […], "knowledge": […], "keys": […], "credits": […]}
 *
 * A job writes it.  Whoever has the link reads it, until it expires ([auth] export_ttl) or another
 * one is made.  Export JSON: {status (pending, ready), url or null, size_bytes or null, created_at,
 * expires_at}.
 *
 * Worker-only; a json_t given out is the caller's.
 */
#ifndef WEIR_ACCOUNT_EXPORT_H
#define WEIR_ACCOUNT_EXPORT_H

#include "core/request.h"
#include "jobs/job.h"

/* Have it made for the caller, in the place of one there is; one that is being made stays. */
enum status export_begin(struct context *cx, json_t **out) MUST_CHECK;
/* The caller's.  E_NOT_FOUND there is none. */
enum status export_find(struct context *cx, json_t **out) MUST_CHECK;
/* Answer with the file of a link.  E_NOT_FOUND it is none of ours, or over. */
enum status export_send(struct request *rq, const char *id, const char *signature) MUST_CHECK;
/* A kind of job: write it. */
enum status j_account_export(struct context *cx, struct job *job);

#endif
