/* Objects in [uploads] folder of this host.  Any thread that may wait for a disk. */
#ifndef WEIR_STORE_LOCAL_H
#define WEIR_STORE_LOCAL_H

#include "core/spool.h"

/* The path below which nginx finds the folder: conf/nginx/weir.conf. */
#define LOCAL_ACCEL_PATH "/weir-uploads/"
/* A name is "ab/HASH.MARK", both in hex; HASH is SHA-256 of the bytes.  Files from before objects: "34/…1234", an id. */
#define LOCAL_MARK_LEN 12

/* Where the object of that name is, in the arena. */
const char *local_path(struct arena *a, const struct conf *conf, const char *name);
/* Move what was spooled there, to stay there after a power cut; takes the place of what is there.
 * E_STORAGE_FULL, E_UNAVAILABLE. */
enum status local_keep(struct context *cx, struct spool *s, const char *name) MUST_CHECK;
/* Give a file another name.  The same errors. */
enum status local_rename(struct context *cx, const char *from, const char *to) MUST_CHECK;
/* True when it is there and as long as it should be. */
bool local_has(struct context *cx, const char *name, int64_t size_bytes);
/* Is this open file as long as it should be, and are the bytes those its name stands for?  Reads all of it. */
bool local_is_whole(int fd, const char *name, int64_t size_bytes);
/* Remove it, if it is there; trouble is logged, and left to the sweep. */
void local_remove(struct context *cx, const char *name);
/* Is this the name of one of ours, as it stands in folder "xx"? */
bool local_is_name(const char *folder, const char *file);

#endif
