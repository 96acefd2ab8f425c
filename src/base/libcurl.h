/* libcurl, opened when first used (base/library.h). */
#ifndef RP_BASE_LIBCURL_H
#define RP_BASE_LIBCURL_H

#include "base/err.h"

#include <curl/curl.h>

#define RP_CURL_FUNCTIONS(X)                                                                       \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_perform)                                                                                \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(slist_append)                                                                                \
    X(slist_free_all)

/* curl_easy_cleanup is rp_curl(…)->easy_cleanup, and so on. */
struct rp_curl {
#define X(name) __typeof__(curl_##name) *name;
    RP_CURL_FUNCTIONS(X)
#undef X
};

/* NULL, with the reason in err, if it cannot be used. It sets itself up at the first easy_init. */
const struct rp_curl *rp_curl(struct rp_err *err);

#endif
