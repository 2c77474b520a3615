/* What cppcheck must be told, because it reads no system headers. */
#define __VA_OPT__(...) __VA_ARGS__
#define json_array_foreach(a, i, v) for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)
#define json_object_foreach(o, k, v) for (k = json_first(o); k && (v = json_object_get(o, k)); k = json_next(o, k))

/* base/log.h's LOG() without fields expands, under the __VA_OPT__ above, to what it cannot parse. */
#define WEIR_BASE_LOG_H
#define LOG(level, event, ...) log_write(event)

/* Set by the Makefile. */
#define WEIR_SYSCONFDIR "/etc/weir"
#define WEIR_DATADIR "/usr/share/weir"
#define WEIR_MIGRATIONSDIR "/usr/share/weir/migrations"
#define WEIR_STATEDIR "/var/lib/weir"
#define WEIR_RUNDIR "/run/weir"
