/* tzdata is updated while the engine runs (schedules, rule 10). The engine looks at the files every
 * 10 s of its own clock, which the test moves on. */
#include "clocks.h"

#include "../tzif.h"

static const char noon[] = "jobs:\n  s: { run: [\"true\"], schedule: \"0 12 1 1 *\", "
                           "timezone: Testland }\n";

/* Seconds into the day, UTC, of the schedule's next instant. */
static int64_t next_time(struct world *w)
{
    return schedule(w).next_us / RP_US_S % 86400;
}

static void next_becomes(struct world *w, int64_t time)
{
    sleep_for(w, 11 * RP_US_S);
    for (int i = 0; i < 2000 && next_time(w) != time; i++)
        pause_ms(10);
    assert_int_equal(next_time(w), time);
}

static void R10_schedules_follow_the_files_of_their_zones_while_the_engine_runs(void **state)
{
    (void)state;
    struct testland land;
    testland_new(&land, 60);
    struct world *w = world_with_clock(noon);
    assert_int_equal(next_time(w), 11 * 3600);
    testland_put(&land, 120);
    next_becomes(w, 10 * 3600);
    testland_put(&land, 180);
    next_becomes(w, 9 * 3600);
    world_free(w);
    testland_free(&land);
}

static void
R10_a_configuration_read_before_the_change_follows_it_when_it_comes_into_force(void **state)
{
    (void)state;
    struct testland land;
    struct rp_err err;
    int64_t held;
    testland_new(&land, 60);
    struct world *w = world_with_clock(noon);
    testland_put(&land, 120);
    next_becomes(w, 10 * 3600);
    must(rp_engine_reload(w->engine, w->config, &held, &err), &err); /* a reload taken back */
    assert_int_equal(next_time(w), 10 * 3600);
    world_free(w);
    testland_free(&land);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R10_schedules_follow_the_files_of_their_zones_while_the_engine_runs),
        cmocka_unit_test(
            R10_a_configuration_read_before_the_change_follows_it_when_it_comes_into_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
