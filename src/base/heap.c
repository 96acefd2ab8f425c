#include "base/heap.h"

#include <stddef.h>

/* Of two heaps, neither of which has siblings. */
static struct rp_heap *merge(struct rp_heap *a, struct rp_heap *b, rp_heap_before *before)
{
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    struct rp_heap *first = before(b, a) ? b : a, *second = first == a ? b : a;
    second->next = first->child;
    first->child = second;
    return first;
}

struct rp_heap *rp_heap_add(struct rp_heap *heap, struct rp_heap *node, rp_heap_before *before)
{
    *node = (struct rp_heap){NULL, NULL};
    return merge(heap, node, before);
}

/* Two by two, and these from the last to the first: what makes it logarithmic. */
struct rp_heap *rp_heap_drop(struct rp_heap *heap, rp_heap_before *before)
{
    struct rp_heap *pairs = NULL, *all = NULL;
    for (struct rp_heap *a = heap->child, *b, *rest; a != NULL; a = rest) {
        b = a->next;
        rest = b != NULL ? b->next : NULL;
        a->next = NULL;
        if (b != NULL)
            b->next = NULL;
        a = merge(a, b, before);
        a->next = pairs;
        pairs = a;
    }
    for (struct rp_heap *rest; pairs != NULL; pairs = rest) {
        rest = pairs->next;
        pairs->next = NULL;
        all = merge(all, pairs, before);
    }
    return all;
}

struct rp_heap *rp_heap_sink(struct rp_heap *heap, rp_heap_before *before)
{
    return rp_heap_add(rp_heap_drop(heap, before), heap, before);
}
