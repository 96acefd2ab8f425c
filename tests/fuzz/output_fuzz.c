/* Hostile packed output: as it is, or (odd first byte) inside a good zstd frame, so that the frames
 * behind it are reached. What is accepted must be consistent and come back from packing byte for
 * byte. */
#include "exec/exec.h"

#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(bool ok)
{
    if (!ok)
        abort();
}

static void check(struct rp_str packed)
{
    struct rp_output o, again;
    struct rp_buf text = {0}, back = {0};
    if (!rp_output_unpack(packed, &o, NULL))
        return;
    for (int stream = 0; stream <= 2; stream++)
        rp_output_text(&o, stream, &text);
    same(rp_output_pack(&o, &back, NULL) && rp_output_unpack(rp_buf_view(&back), &again, NULL));
    same(rp_str_eq(rp_buf_view(&o.head), rp_buf_view(&again.head)) && o.dropped == again.dropped &&
         rp_str_eq(rp_buf_view(&o.tail), rp_buf_view(&again.tail)) && o.total[1] == again.total[1]);
    rp_output_free(&o);
    rp_output_free(&again);
    rp_buf_free(&text);
    rp_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct rp_str rest = {(const char *)data + 1, size - 1};
    if (data[0] % 2 == 0) {
        check(rest);
        return 0;
    }
    size_t bound = ZSTD_compressBound(rest.n);
    char *packed = malloc(bound);
    check((struct rp_str){packed, ZSTD_compress(packed, bound, rest.p, rest.n, 1)});
    free(packed);
    return 0;
}
