/* The expected status is up. No redirects, no body kept, http and https only (security rules S9).
 */
#include "deps/internal.h"

#include "base/libcurl.h"

#include <stdio.h>

enum { BODY_MAX = 1 << 20 };

static size_t forget(char *data, size_t size, size_t n, void *seen)
{
    (void)data;
    *(size_t *)seen += size * n;
    return *(size_t *)seen <= BODY_MAX ? size * n : 0;
}

static void set_options(const struct rp_curl *lib, CURL *c, const char *url, int64_t timeout_us,
                        size_t *seen)
{
    (void)lib->easy_setopt(c, CURLOPT_URL, url);
    (void)lib->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)lib->easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    (void)lib->easy_setopt(c, CURLOPT_PROXY, "");
    (void)lib->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    (void)lib->easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(timeout_us / 1000));
    (void)lib->easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    (void)lib->easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    (void)lib->easy_setopt(c, CURLOPT_USERAGENT, "reprise/" RP_VERSION);
    (void)lib->easy_setopt(c, CURLOPT_WRITEFUNCTION, forget);
    (void)lib->easy_setopt(c, CURLOPT_WRITEDATA, seen);
}

void check_http(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
                struct rp_dep_result *out)
{
    (void)quit;
    struct rp_arena a = {0};
    size_t seen = 0;
    long status = 0;
    int64_t expect = dep->expect > 0 ? dep->expect : 200;
    struct rp_err err = {0};
    const struct rp_curl *lib = rp_curl(&err);
    if (lib == NULL) {
        dep_down(out, "not checked: %s (%s)", err.hint, err.message);
        return;
    }
    CURL *c = lib->easy_init();
    if (c == NULL) {
        dep_down(out, "not checked: out of memory");
        return;
    }
    set_options(lib, c, rp_cstr(&a, dep->target), timeout_us, &seen);
    CURLcode rc = lib->easy_perform(c);
    (void)lib->easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    /* A body that is too large is cut off after the status has come: the status decides. */
    if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && status != 0))
        dep_down(out, "%s", lib->easy_strerror(rc));
    else if (status != expect)
        dep_down(out, "answered %ld, expected %lld", status, (long long)expect);
    else {
        out->up = true;
        (void)snprintf(out->says, sizeof out->says, "%ld", status);
    }
    lib->easy_cleanup(c);
    rp_arena_free(&a);
}
