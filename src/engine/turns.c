/* How long each turn of the writer was: what everybody else waits for. */
#include "engine/internal.h"

const int64_t rp_turn_steps_us[RP_TURN_STEPS] = {1000,  2500,   5000,   10000,  25000,
                                                 50000, 100000, 250000, 1000000};

struct turn turn_begin(struct rp_writer *w)
{
    return (struct turn){rp_mono(w->clock), rp_thread_cpu()};
}

void turn_end(struct rp_writer *w, const struct turn *t)
{
    int64_t us = rp_mono(w->clock) - t->from_us, cpu_us = rp_thread_cpu() - t->cpu_from_us;
    size_t step = 0;
    while (step < RP_TURN_STEPS && us > rp_turn_steps_us[step])
        step++;
    (void)pthread_mutex_lock(&w->lock);
    struct rp_turns *all = &w->turns;
    if (w->commits > 1) {
        all->n[step]++;
        all->sum_us += us;
        all->longest_us = us > all->longest_us ? us : all->longest_us;
        all->longest_cpu_us = cpu_us > all->longest_cpu_us ? cpu_us : all->longest_cpu_us;
    }
    (void)pthread_mutex_unlock(&w->lock);
}
