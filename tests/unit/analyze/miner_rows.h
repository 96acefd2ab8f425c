/* Lines and the templates that they have when all of them are refined. */
#ifndef RP_TESTS_MINER_ROWS_H
#define RP_TESTS_MINER_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/miner/miner.h"

#include <stdlib.h>

struct row {
    const char *line, *template;
};

/* Refines the rows, in this order and backwards, and compares each line's template. */
static inline void assert_templates(const struct row *rows, size_t n)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        struct rp_miner *m = rp_miner_new();
        struct rp_arena a = {0};
        for (size_t i = 0; i < n; i++)
            (void)rp_miner_add(m, rp_str_of(rows[backwards ? n - 1 - i : i].line));
        rp_miner_refine(m);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(rp_cstr(&a, rp_miner_find(m, rp_str_of(rows[i].line)).template),
                                rows[i].template);
        rp_arena_free(&a);
        rp_miner_free(m);
    }
}
#define ASSERT_TEMPLATES(rows) assert_templates((rows), sizeof(rows) / sizeof(rows)[0])

#endif
