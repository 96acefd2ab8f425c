#include "base/libcurl.h"

#include "base/library.h"

#define NAME(name) "curl_" #name,
RP_LIBRARY(struct rp_curl, RP_CURL_FUNCTIONS(NAME), "libcurl.so.4", "libcurl4");

const struct rp_curl *rp_curl(struct rp_err *err)
{
    return rp_library_open(&library, err) ? &functions.named : NULL;
}
