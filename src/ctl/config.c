/*
 * weirctl config check                   read the file, say what is wrong
 * weirctl config show                    every option with its value, secrets hidden
 * weirctl config doc [--man|--sample]    the options as text, weir.conf(5), or a sample file
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

#define USAGE "config check | show | doc [--man|--sample]"

static int
doc(const char *form)
{
	if (form == NULL)
		conf_doc_text(stdout);
	else if (strcmp(form, "--man") == 0)
		conf_doc_man(stdout);
	else if (strcmp(form, "--sample") == 0)
		conf_doc_sample(stdout);
	else
		return ctl_usage(USAGE);
	return CTL_OK;
}

int
ctl_config(struct ctl *c, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct conf *conf = NULL;

	if (strcmp(what, "doc") == 0 && argc <= 3)
		return doc(argv[2]);
	if (argc != 2 || (strcmp(what, "check") != 0 && strcmp(what, "show") != 0))
		return ctl_usage(USAGE);
	if (conf_load(c->conf_path, &conf) != OK)
		return CTL_FAILED; /* it has said why */
	if (strcmp(what, "show") == 0)
		conf_show(conf, stdout);
	else
		printf("%s: good\n", conf->path);
	conf_free(conf);
	return CTL_OK;
}
