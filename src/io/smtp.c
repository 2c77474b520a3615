#include "io/smtp.h"

#include <curl/curl.h>
#include <string.h>

struct reading {
	const char *at;
	size_t left;
};

static size_t
read_message(char *to, size_t size, size_t n, void *arg)
{
	struct reading *r = arg;
	size_t take = size * n < r->left ? size * n : r->left;

	memcpy(to, r->at, take);
	r->at += take;
	r->left -= take;
	return take;
}

/* A password goes over TLS or not at all. */
static long
tls_level(const char *url)
{
	CURLU *parts = curl_url();
	char *user = NULL;
	long level = CURLUSESSL_ALL;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_OK)
		level = CURLUSESSL_TRY;
	curl_free(user);
	curl_url_cleanup(parts);
	return level;
}

enum status
smtp_send(const char *url, const char *from, const char *to, const char *message, size_t len, const char **why)
{
	struct reading reading = { .at = message, .left = len };
	struct curl_slist *rcpt = curl_slist_append(NULL, to);
	CURL *curl = curl_easy_init();
	CURLcode rc = CURLE_FAILED_INIT;

	if (curl != NULL && rcpt != NULL) {
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_USE_SSL, tls_level(url));
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)SMTP_TIMEOUT_MS / 2);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)SMTP_TIMEOUT_MS);
		curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)SMTP_TIMEOUT_MS / 1000);
		curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
		curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpt);
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
		curl_easy_setopt(curl, CURLOPT_READDATA, &reading);
		rc = curl_easy_perform(curl);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(rcpt);
	if (rc == CURLE_OK)
		return OK;
	*why = curl_easy_strerror(rc);
	return E_UNAVAILABLE;
}
