/* Any bytes as a failure's message: the key line is short valid UTF-8, its template ends in
 * bounds, some class comes out. */
#include "analyze/analyze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct rp_arena a = {0};
    struct rp_failure_facts f = {.message = {(const char *)data, n}};
    struct rp_fingerprint out;
    rp_fingerprint(&a, &f, &out);
    if (out.key.line.n == 0 || out.key.line.n > RP_KEY_LINE_MAX || !rp_utf8_valid(out.key.line))
        __builtin_trap();
    if (out.template.n > 3 * out.key.line.n || out.hash != rp_hash64(out.template))
        __builtin_trap();
    (void)rp_mask(&a, f.message); /* raw bytes as well */
    rp_arena_free(&a);
    return 0;
}
