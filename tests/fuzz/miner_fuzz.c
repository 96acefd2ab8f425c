/* Any bytes as lines: no crash; the order of lines plays no role; two halves merge to the whole; a
 * saved state is read again and answers the same. Any bytes as a saved state: refused or read. */
#include "analyze/miner/miner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LINES_MAX = 200 };

static size_t split(struct rp_str text, struct rp_str *lines)
{
    size_t n = 0;
    while (n < LINES_MAX && rp_str_split(&text, '\n', &lines[n]))
        n++;
    return n;
}

static struct rp_miner *mine(const struct rp_str *lines, size_t n, bool backwards)
{
    struct rp_miner *m = rp_miner_new();
    for (size_t i = 0; i < n; i++)
        (void)rp_miner_add(m, lines[backwards ? n - 1 - i : i]);
    return m;
}

/* The same lines are together in both; templates are equal. */
static void compare(struct rp_miner *a, struct rp_miner *b, const struct rp_str *lines, size_t n)
{
    uint32_t ids[LINES_MAX][2];
    for (size_t i = 0; i < n; i++) {
        struct rp_miner_hit x = rp_miner_find(a, lines[i]), y = rp_miner_find(b, lines[i]);
        if (!rp_str_eq(x.template, y.template) || x.pattern == RP_MINER_OTHER)
            __builtin_trap();
        ids[i][0] = x.pattern;
        ids[i][1] = y.pattern;
        for (size_t j = 0; j < i; j++)
            if ((ids[i][0] == ids[j][0]) != (ids[i][1] == ids[j][1]))
                __builtin_trap();
    }
}

static void load_again(struct rp_miner *m, const struct rp_str *lines, size_t n)
{
    struct rp_buf state = {0};
    rp_miner_save(m, &state);
    struct rp_miner *again = rp_miner_load(rp_buf_view(&state), NULL);
    if (again == NULL)
        __builtin_trap();
    compare(m, again, lines, n);
    rp_miner_free(again);
    rp_buf_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct rp_str text = {(const char *)data, n}, lines[LINES_MAX];
    rp_miner_free(rp_miner_load(text, NULL));
    size_t k = split(text, lines);
    struct rp_miner *whole = mine(lines, k, false), *turned = mine(lines, k, true);
    struct rp_miner *half = mine(lines, k / 2, false);
    struct rp_miner *rest = mine(lines + k / 2, k - k / 2, false);
    rp_miner_merge(half, rest);
    rp_miner_refine(whole);
    rp_miner_refine(turned);
    rp_miner_refine(half);
    compare(whole, turned, lines, k);
    compare(whole, half, lines, k);
    load_again(whole, lines, k);
    rp_miner_free(whole);
    rp_miner_free(turned);
    rp_miner_free(half);
    rp_miner_free(rest);
    return 0;
}
