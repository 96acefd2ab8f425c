#include "exec/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

/* Packed, before compression: magic, totals of the streams, dropped (8 bytes each), lengths of head
 * and tail (4 each), both. */
enum { MAGIC = 0x314f5052, FIXED = 4 + 3 * 8 + 2 * 4 }; /* "RPO1" */

/* What rp_capture can make of RP_KEEP_MAX_BYTES, frames included, is below this (frames cost at
 * most a quarter of 8 MiB twice). */
enum { UNPACK_MAX = 2 * RP_KEEP_MAX_BYTES + (4 << 20) };

void rp_put_le(void *p, uint64_t v, int bytes)
{
    unsigned char *b = p;
    for (int i = 0; i < bytes; i++)
        b[i] = (unsigned char)(v >> (8 * i));
}

uint64_t rp_get_le(const void *p, int bytes)
{
    const unsigned char *b = p;
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)b[i] << (8 * i);
    return v;
}

bool rp_frame_next(struct rp_str *rest, struct rp_frame *f)
{
    if (rest->n < RP_FRAME_HEADER)
        return false;
    f->stream = (unsigned char)rest->p[0];
    f->offset = rp_get_le(rest->p + 1, 8);
    f->bytes = (struct rp_str){rest->p + RP_FRAME_HEADER, (size_t)rp_get_le(rest->p + 9, 4)};
    if ((f->stream != 1 && f->stream != 2) || f->bytes.n > rest->n - RP_FRAME_HEADER)
        return false;
    rest->p += RP_FRAME_HEADER + f->bytes.n;
    rest->n -= RP_FRAME_HEADER + f->bytes.n;
    return true;
}

/* Adds the stream's bytes of the frames; returns how many they were. */
static uint64_t add_frames(const struct rp_buf *frames, int stream, struct rp_buf *out)
{
    struct rp_str rest = rp_buf_view(frames);
    struct rp_frame f;
    uint64_t n = 0;
    while (rp_frame_next(&rest, &f)) {
        if (stream != 0 && f.stream != stream)
            continue;
        n += f.bytes.n;
        if (out != NULL)
            rp_buf_str(out, f.bytes);
    }
    return n;
}

void rp_output_text(const struct rp_output *o, int stream, struct rp_buf *out)
{
    uint64_t kept = add_frames(&o->head, stream, out) + add_frames(&o->tail, stream, NULL);
    if (o->total[stream] > kept) {
        if (out->n > 0 && out->p[out->n - 1] != '\n')
            rp_buf_c(out, '\n');
        rp_buf_fmt(out, "[... %" PRIu64 " bytes of output were not kept ...]\n",
                   o->total[stream] - kept);
    }
    (void)add_frames(&o->tail, stream, out);
}

void rp_output_free(struct rp_output *o)
{
    rp_buf_free(&o->head);
    rp_buf_free(&o->tail);
}

static void add_le(struct rp_buf *b, uint64_t v, int bytes)
{
    char le[8];
    rp_put_le(le, v, bytes);
    rp_buf_add(b, le, (size_t)bytes);
}

bool rp_output_pack(const struct rp_output *o, struct rp_buf *out, struct rp_err *err)
{
    struct rp_buf raw = {0};
    add_le(&raw, MAGIC, 4);
    add_le(&raw, o->total[1], 8);
    add_le(&raw, o->total[2], 8);
    add_le(&raw, o->dropped, 8);
    add_le(&raw, o->head.n, 4);
    add_le(&raw, o->tail.n, 4);
    rp_buf_str(&raw, rp_buf_view(&o->head));
    rp_buf_str(&raw, rp_buf_view(&o->tail));
    size_t bound = ZSTD_compressBound(raw.n);
    char *packed = rp_xmalloc(bound);
    size_t n = ZSTD_compress(packed, bound, raw.p, raw.n, 3);
    bool ok = !ZSTD_isError(n);
    if (ok)
        rp_buf_add(out, packed, n);
    else
        (void)rp_fail(err, RP_E_INTERNAL, "captured output cannot be compressed: %s",
                      ZSTD_getErrorName(n));
    free(packed);
    rp_buf_free(&raw);
    return ok;
}

static bool corrupt(struct rp_err *err, const char *why)
{
    (void)rp_fail(err, RP_E_STORE_CORRUPT, "stored output cannot be read: %s", why);
    return rp_hint(err, "run reprise doctor; the rest of the store is not affected");
}

static bool decompress(struct rp_str packed, struct rp_buf *raw, struct rp_err *err)
{
    unsigned long long n = ZSTD_getFrameContentSize(packed.p, packed.n);
    if (n == ZSTD_CONTENTSIZE_UNKNOWN || n == ZSTD_CONTENTSIZE_ERROR)
        return corrupt(err, "it is not a zstd frame of known size");
    if (n < FIXED || n > UNPACK_MAX)
        return corrupt(err, "its size is out of bounds");
    if (ZSTD_findFrameCompressedSize(packed.p, packed.n) != packed.n)
        return corrupt(err, "it is cut short, or something follows it");
    raw->p = rp_xmalloc((size_t)n);
    raw->n = raw->cap = (size_t)n;
    if (ZSTD_decompress(raw->p, raw->n, packed.p, packed.n) != raw->n)
        return corrupt(err, "it does not decompress");
    return true;
}

/* Frames must follow each other without gaps from *offset on; the sums go to total. */
static bool check_frames(struct rp_str frames, uint64_t *offset, uint64_t total[3])
{
    struct rp_frame f;
    while (frames.n > 0) {
        if (!rp_frame_next(&frames, &f) || f.bytes.n == 0 || f.offset != *offset)
            return false;
        *offset += f.bytes.n;
        total[f.stream] += f.bytes.n;
    }
    return true;
}

static bool consistent(const struct rp_output *o, struct rp_str head, struct rp_str tail)
{
    uint64_t offset = 0, kept[3] = {0}, sum;
    if (!check_frames(head, &offset, kept) || __builtin_add_overflow(offset, o->dropped, &offset) ||
        offset > UINT64_MAX - tail.n || !check_frames(tail, &offset, kept))
        return false;
    if (__builtin_add_overflow(o->total[1], o->total[2], &sum))
        return false;
    return sum == offset && o->total[1] >= kept[1] && o->total[2] >= kept[2];
}

static bool parse(struct rp_str raw, struct rp_output *out, struct rp_err *err)
{
    uint64_t head_n = rp_get_le(raw.p + 28, 4), tail_n = rp_get_le(raw.p + 32, 4);
    if (rp_get_le(raw.p, 4) != MAGIC || head_n + tail_n != raw.n - FIXED)
        return corrupt(err, "its head is not one of ours");
    out->total[1] = rp_get_le(raw.p + 4, 8);
    out->total[2] = rp_get_le(raw.p + 12, 8);
    out->dropped = rp_get_le(raw.p + 20, 8);
    struct rp_str head = {raw.p + FIXED, (size_t)head_n};
    struct rp_str tail = {head.p + head.n, (size_t)tail_n};
    if (!consistent(out, head, tail))
        return corrupt(err, "its frames contradict its totals");
    out->total[0] = out->total[1] + out->total[2];
    rp_buf_str(&out->head, head);
    rp_buf_str(&out->tail, tail);
    return true;
}

size_t rp_output_size(struct rp_str packed)
{
    unsigned long long n = ZSTD_getFrameContentSize(packed.p, packed.n);
    return n <= UNPACK_MAX ? (size_t)n : 0; /* unknown and error are the largest numbers */
}

bool rp_output_unpack(struct rp_str packed, struct rp_output *out, struct rp_err *err)
{
    struct rp_buf raw = {0};
    *out = (struct rp_output){0};
    bool ok = decompress(packed, &raw, err) && parse(rp_buf_view(&raw), out, err);
    if (!ok)
        *out = (struct rp_output){0};
    rp_buf_free(&raw);
    return ok;
}
