/* A line of analyze --classes: facts are read, and what is read gets one of the classes. */
#include "analyze/analyze.h"
#include "base/err.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_arena a = {0};
    struct rp_failure_facts facts = {0};
    struct rp_fingerprint print;
    struct rp_err err;
    enum rp_class class;
    if (rp_failure_facts_read((struct rp_str){(const char *)data, size}, &a, &facts, &err)) {
        rp_fingerprint(&a, &facts, &print);
        if (!rp_class_of_name(rp_str_of(print.class_name), &class) || class != print.class ||
            print.rule == NULL)
            abort();
    }
    rp_arena_free(&a);
    return 0;
}
