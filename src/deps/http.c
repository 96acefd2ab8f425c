/* The expected status is up. No redirects, no body kept, http and https only (security rules S9).
 */
#include "deps/internal.h"

#include <curl/curl.h>
#include <stdio.h>

enum { BODY_MAX = 1 << 20 };

static size_t forget(char *data, size_t size, size_t n, void *seen)
{
    (void)data;
    *(size_t *)seen += size * n;
    return *(size_t *)seen <= BODY_MAX ? size * n : 0;
}

static void set_options(CURL *c, const char *url, int64_t timeout_us, size_t *seen)
{
    (void)curl_easy_setopt(c, CURLOPT_URL, url);
    (void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(c, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(timeout_us / 1000));
    (void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    (void)curl_easy_setopt(c, CURLOPT_USERAGENT, "reprise/" RP_VERSION);
    (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, forget);
    (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, seen);
}

void check_http(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
                struct rp_dep_result *out)
{
    (void)quit;
    struct rp_arena a = {0};
    size_t seen = 0;
    long status = 0;
    int64_t expect = dep->expect > 0 ? dep->expect : 200;
    CURL *c = curl_easy_init();
    if (c == NULL) {
        dep_down(out, "the HTTP library does not start");
        return;
    }
    set_options(c, rp_cstr(&a, dep->target), timeout_us, &seen);
    CURLcode rc = curl_easy_perform(c);
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    /* A body that is too large is cut off after the status has come: the status decides. */
    if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && status != 0))
        dep_down(out, "%s", curl_easy_strerror(rc));
    else if (status != expect)
        dep_down(out, "answered %ld, expected %lld", status, (long long)expect);
    else {
        out->up = true;
        (void)snprintf(out->says, sizeof out->says, "%ld", status);
    }
    curl_easy_cleanup(c);
    rp_arena_free(&a);
}
