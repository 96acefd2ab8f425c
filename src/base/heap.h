/* A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986) of nodes that lie inside what they
 * order: nothing is allocated. To add one takes constant time, to take the first away or to let it
 * sink logarithmic time, amortized. A heap is its first node, NULL: empty. */
#ifndef RP_BASE_HEAP_H
#define RP_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rp_heap {
    struct rp_heap *child, *next;
};
/* What a node lies in, as its member `heap`. */
#define RP_HEAP_OF(type, node) ((type *)((char *)(uintptr_t)(node)-offsetof(type, heap)))
typedef bool rp_heap_before(const struct rp_heap *a, const struct rp_heap *b);

/* Adds a single node. */
struct rp_heap *rp_heap_add(struct rp_heap *heap, struct rp_heap *node, rp_heap_before *before);
/* Without its first. */
struct rp_heap *rp_heap_drop(struct rp_heap *heap, rp_heap_before *before);
/* The first has become later than it was: its place anew. */
struct rp_heap *rp_heap_sink(struct rp_heap *heap, rp_heap_before *before);

#endif
