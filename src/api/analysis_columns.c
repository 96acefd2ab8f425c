/* Attributes of rows beside those that a job has by itself: which deploy of its type was out, and
 * what stands in its payload where the question says. */
#include "api/analysis.h"

#include "base/json_pointer.h"
#include "store/registry.h"

static size_t column_new(struct rows *r, struct rp_str name)
{
    r->names[r->n_names] = name;
    for (size_t i = 0; i < r->ended.n; i++)
        r->values[i][r->n_names] = RP_STR("");
    return r->n_names++;
}

/* ---- needs ---- */

/* Jobs of several types fail together because of what they need. */
bool rows_needs(struct rp_db *db, struct rows *r, struct rp_err *err)
{
    struct rp_type_need_row *v;
    size_t n, columns = 0;
    if (!rp_needs_list(db, r->a, &v, &n, err))
        return false;
    for (size_t from = 0, to; from < n && columns < NEEDS_MOST; from = to, columns++) {
        for (to = from; to < n && rp_str_eq(v[to].dependency, v[from].dependency);)
            to++;
        size_t column = column_new(r, rp_str_fmt(r->a, "needs %.*s", RP_FMT(v[from].dependency)));
        for (size_t i = 0; i < r->ended.n; i++) {
            size_t k = from;
            while (k < to && v[k].type_id != r->ended.v[i].type_id)
                k++;
            r->values[i][column] = k < to ? RP_STR("yes") : RP_STR("no");
        }
    }
    return true;
}

/* ---- deploys ---- */

/* The version that was marked last for the type; of a mark without one, when that was. */
static struct rp_str deployed(struct rp_arena *a, const struct rp_deploy *v, size_t n,
                              struct rp_str type, int64_t at_us)
{
    char day[RP_TIME_LEN];
    for (size_t i = 0; i < n; i++) /* newest first */
        if (v[i].at_us <= at_us && rp_str_eq(v[i].type, type)) {
            if (v[i].version.n > 0)
                return v[i].version;
            return rp_str_fmt(a, "of %.16sZ", rp_time_format(v[i].at_us, day));
        }
    return RP_STR("none yet");
}

bool rows_deploys(struct rp_db *db, const struct analysis *in, struct rows *r, struct rp_err *err)
{
    struct rp_deploy *v;
    size_t n;
    if (!rp_deploys_list(db, RP_NONE, 0, r->a, &v, &n, err))
        return false;
    if (n == 0 || v[n - 1].at_us >= in->until_us)
        return true;
    size_t column = column_new(r, RP_STR("deploy"));
    for (size_t i = 0; i < r->ended.n; i++)
        r->values[i][column] = deployed(r->a, v, n, r->values[i][ROW_TYPE], r->ended.v[i].ended_us);
    return true;
}

/* ---- payloads ---- */

/* A string, number or truth; anything else says nothing. */
static struct rp_str plain_value(struct rp_arena *a, struct rp_str payload, struct rp_str pointer)
{
    struct rp_json r;
    struct rp_str raw, value = RP_STR("");
    if (payload.n == 0 || !rp_pointer_get(a, payload, pointer, &raw) || raw.n > ROW_VALUE_MOST)
        return value;
    rp_json_open(&r, raw, a);
    enum rp_json_kind kind = rp_json_peek(&r);
    if (kind == RP_JSON_OBJECT || kind == RP_JSON_ARRAY)
        return value;
    return kind == RP_JSON_STRING && rp_json_str(&r, &value) ? value : raw;
}

bool rows_payloads(struct rp_db *db, const struct analysis *in, struct rows *r, struct rp_err *err)
{
    size_t first = r->n_names;
    for (size_t k = 0; k < in->n_payload; k++)
        (void)column_new(r, rp_str_fmt(r->a, "payload %.*s", RP_FMT(in->payload[k])));
    for (size_t i = 0; in->n_payload > 0 && i < r->ended.n; i++) {
        struct rp_str payload;
        if (!rp_payload_of(db, r->ended.v[i].job_id, r->a, &payload, err))
            return false;
        for (size_t k = 0; k < in->n_payload; k++)
            r->values[i][first + k] = plain_value(r->a, payload, in->payload[k]);
    }
    return true;
}
