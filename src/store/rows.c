#include "store/rows.h"

#include "base/json.h"
#include "base/time.h"

void *rp_rows_grow(struct rp_arena *a, void *rows, size_t n, size_t size)
{
    if ((n & (n - 1)) != 0) /* 0, 1, 2, 4, …: full */
        return rows;
    char *more = rp_alloc_n(a, n > 0 ? 2 * n : 1, size);
    if (n > 0)
        memcpy(more, rows, n * size);
    return more;
}

const char *rp_stamp(int64_t us, char buf[RP_STAMP_LEN])
{
    _Static_assert((int)RP_STAMP_LEN >= (int)RP_TIME_LEN, "rp_time_format needs the room");
    (void)rp_time_format(us - (us % RP_US_S + RP_US_S) % RP_US_S, buf);
    char *fraction = strchr(buf, '.');
    if (fraction != NULL)
        memcpy(fraction, "Z", 2);
    return buf;
}

struct rp_str rp_detail(struct rp_arena *a, struct rp_str reason, struct rp_str before,
                        struct rp_str after)
{
    struct rp_buf buf = {0};
    struct rp_jw w = {.out = &buf};
    rp_jw_object(&w);
    rp_jw_m_str(&w, "reason", reason);
    rp_jw_m_str(&w, "before", before);
    rp_jw_m_str(&w, "after", after);
    rp_jw_object_end(&w);
    struct rp_str out = rp_str_dup(a, rp_buf_view(&buf));
    rp_buf_free(&buf);
    return out;
}
