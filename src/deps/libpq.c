#include "deps/libpq.h"

#include "base/library.h"

#define NAME(name) "PQ" #name,
RP_LIBRARY(struct rp_pq, RP_PQ_FUNCTIONS(NAME), "libpq.so.5", "libpq5");

const struct rp_pq *rp_pq(struct rp_err *err)
{
    return rp_library_open(&library, err) ? &functions.named : NULL;
}
