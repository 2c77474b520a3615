/*
 * hello -- the smallest FastCGI responder on libfcgi, as its documentation
 * teaches it: the counterpart of B1.
 *
 *	hello SOCKET PROCESSES THREADS
 *
 * Each process runs THREADS blocking accept loops on the one socket. As
 * libfcgi keeps a thread per connection, there must be as many threads as the
 * web server keeps connections.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 4096

static int listener;

static void *
serve(void *unused)
{
	static const char body[] = "{\"status\":\"ok\"}";
	FCGX_Request request;

	(void)unused;
	if (FCGX_InitRequest(&request, listener, 0) != 0)
		return NULL;
	while (FCGX_Accept_r(&request) == 0)
		FCGX_FPrintF(request.out, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		    (int)sizeof(body) - 1, body);
	return NULL;
}

static void
run_process(int threads)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, serve, NULL) != 0)
			_exit(1);
	serve(NULL);
	_exit(0);
}

int
main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: hello SOCKET PROCESSES THREADS\n", stderr);
		return 2;
	}
	if (FCGX_Init() != 0 || (listener = FCGX_OpenSocket(argv[1], BACKLOG)) < 0)
		return 1;
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--)
		if (fork() == 0)
			run_process((int)strtol(argv[3], NULL, 10));
	signal(SIGTERM, SIG_DFL);
	while (wait(NULL) > 0)
		continue;
	return 0;
}
