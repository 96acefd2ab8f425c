#include "base/libcurl.h"

#include "base/library.h"

static const char *const names[] = {
#define X(name) "curl_" #name,
    RP_CURL_FUNCTIONS(X)
#undef X
};
enum { N = sizeof names / sizeof *names };

static union {
    struct rp_curl named;
    void *all[N];
} functions;
_Static_assert(sizeof functions.named == sizeof functions.all, "pointers only");

static struct rp_library library = {
    .soname = "libcurl.so.4",
    .package = "libcurl4",
    .names = names,
    .functions = functions.all,
    .n = N,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

const struct rp_curl *rp_curl(struct rp_err *err)
{
    return rp_library_open(&library, err) ? &functions.named : NULL;
}
