/*
 * weirctl status [--json]    the responders of this host: workers, queues,
 *                            streams, and what should be changed
 *
 * Reads the scoreboard file, so it works when the web server does not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/report.h"
#include "ctl/ctl.h"

static int
no_board(const char *path)
{
	if (*path == '\0')
		return ctl_fail("[server] scoreboard is empty: the responders count in unnamed memory; ask /status"
				" of the web server");
	if (errno == ENOENT)
		return ctl_fail("%s is not there: no responder runs on this configuration", path);
	if (errno == ESTALE)
		return ctl_fail(
		    "%s was written by another version of Weir: restart the responders or use their weirctl", path);
	return ctl_fail("%s: %s", path, strerror(errno));
}

static void
print_json(const struct score_snapshot *s, const struct conf *conf)
{
	json_t *all = score_json(s, conf);

	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	putchar('\n');
	json_decref(all);
}

static void
print_text(const struct score_snapshot *s, const struct conf *conf)
{
	struct buf text = BUF_INIT(0);

	score_text(s, conf, &text);
	fputs(buf_str(&text), stdout);
	buf_free(&text);
}

int
ctl_status(struct ctl *c, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct score_snapshot *s;
	struct scoreboard *board;
	int rc;

	if (argc != 1 && !json)
		return ctl_usage("status [--json]");
	if ((board = scoreboard_view(c->cx.conf->server_scoreboard)) == NULL)
		return no_board(c->cx.conf->server_scoreboard);
	s = scoreboard_snapshot(board);
	if (json)
		print_json(s, c->cx.conf);
	else
		print_text(s, c->cx.conf);
	rc = s->n_processes > 0 ? CTL_OK : ctl_fail("no responder runs on this configuration");
	score_snapshot_free(s);
	scoreboard_close(board);
	return rc;
}
