#include "analyze/onset.h"
#include "base/json.h"

void rp_onset_json(struct rp_jw *w, const struct rp_onset *o, int64_t from_us, int64_t width_us)
{
    rp_jw_key(w, "onset");
    rp_jw_object(w);
    rp_jw_m_cstr(w, "kind", rp_onset_name(o->kind));
    if (o->kind != RP_ONSET_NONE) {
        rp_jw_m_time(w, "at", from_us + (int64_t)o->at * width_us);
        rp_jw_m_time(w, "from", from_us + (int64_t)o->from * width_us);
        rp_jw_m_time(w, "to", from_us + (int64_t)(o->to + 1) * width_us);
        rp_jw_m_f64(w, "before", o->before);
        rp_jw_m_f64(w, "after", o->after);
    }
    rp_jw_object_end(w);
}
