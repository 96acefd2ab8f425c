#include "deps/libpq.h"

#include "base/library.h"

static const char *const names[] = {
#define X(name) "PQ" #name,
    RP_PQ_FUNCTIONS(X)
#undef X
};
enum { N = sizeof names / sizeof *names };

static union {
    struct rp_pq named;
    void *all[N];
} functions;
_Static_assert(sizeof functions.named == sizeof functions.all, "pointers only");

static struct rp_library library = {
    .soname = "libpq.so.5",
    .package = "libpq5",
    .names = names,
    .functions = functions.all,
    .n = N,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

const struct rp_pq *rp_pq(struct rp_err *err)
{
    return rp_library_open(&library, err) ? &functions.named : NULL;
}
