/* The heap against a sort. */
#include "base/heap.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 300, ROUNDS = 2000, RANGE = 50 };

struct item {
    struct rp_heap heap;
    int64_t key;
    bool in;
};

static bool before(const struct rp_heap *a, const struct rp_heap *b)
{
    return RP_HEAP_OF(const struct item, a)->key < RP_HEAP_OF(const struct item, b)->key;
}

static int64_t roll(uint64_t *x, int64_t sides)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((*x >> 33) % (uint64_t)sides);
}

static int64_t least(const struct item *v)
{
    int64_t key = INT64_MAX;
    for (int i = 0; i < MOST; i++)
        if (v[i].in && v[i].key < key)
            key = v[i].key;
    return key;
}

static void the_first_is_the_least_of_those_that_are_in_it(void **state)
{
    (void)state;
    static struct item v[MOST];
    struct rp_heap *heap = NULL;
    uint64_t x = 20261126;
    for (int round = 0; round < ROUNDS; round++) {
        struct item *one = &v[roll(&x, MOST)];
        if (!one->in) {
            one->key = roll(&x, RANGE);
            one->in = true;
            heap = rp_heap_add(heap, &one->heap, before);
        } else if (roll(&x, 3) > 0) {
            RP_HEAP_OF(struct item, heap)->key += roll(&x, RANGE);
            heap = rp_heap_sink(heap, before);
        } else {
            RP_HEAP_OF(struct item, heap)->in = false;
            heap = rp_heap_drop(heap, before);
        }
        assert_int_equal(heap != NULL ? RP_HEAP_OF(struct item, heap)->key : INT64_MAX, least(v));
    }
    for (; heap != NULL; heap = rp_heap_drop(heap, before)) {
        assert_int_equal(RP_HEAP_OF(struct item, heap)->key, least(v));
        RP_HEAP_OF(struct item, heap)->in = false;
    }
    assert_int_equal(least(v), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_least_of_those_that_are_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
