/* G3, G4, G10–G14, G17, G31 as a property: random sequences of operations on the store and on a
 * model that knows nothing of SQL, in transactions like the writer's, with rollbacks, crashes and
 * restarts between. A sequence that shows a difference is made as short as possible, told step by
 * step, and can be had again by its seed.
 *
 * RP_MODEL_CASES: how many sequences (0: as many as fit into ten seconds). RP_SEED: of the first.
 */
#include "steps.h"

#include "base/time.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LENGTH_MIN = 20, LENGTH_MAX = 220, SHRINK_RUNS = 4000 };
#define CI_US (8 * RP_US_S)

struct sequence {
    struct step step[LENGTH_MAX];
    size_t n;
};

/* ---- randomness that can be had again: splitmix64 (Steele, Lea, Flood, 2014) ---- */

static uint64_t roll(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Each sequence has its own mixture, and leaves some kinds out: rare turns need much of one thing
 * and nothing of another (swarm testing: Groce and others, 2012). */
static void mix_kinds(uint64_t *x, int often[STEP_KINDS])
{
    static const int usual[STEP_KINDS] = {
#define X(name, times) times,
        STEPS(X)
#undef X
    };
    static const int factor[] = {0, 1, 1, 2, 4};
    for (int k = 0; k < STEP_KINDS; k++)
        often[k] = usual[k] * factor[roll(x) % 5];
    uint64_t mostly = roll(x) % 4;
    if (mostly == 0) { /* little but replays of few jobs, which take many steps to go wrong */
        for (int k = STEP_replay_create; k <= STEP_replay_undo; k++)
            often[k] = 2 * usual[k];
        often[STEP_replay_undo] = often[STEP_replay_step] = often[STEP_fire] = 4;
        often[STEP_time] = often[STEP_expire] = often[STEP_enqueue] = 12;
        often[STEP_claim] = often[STEP_report] = 30;
    }
    if (mostly == 1) { /* little but failures of dependencies that come and go */
        often[STEP_replay_create] = often[STEP_fire] = often[STEP_cancel] = 1;
        often[STEP_time] = often[STEP_promote] = often[STEP_enqueue] = 12;
        often[STEP_dep_check] = roll(x) % 2 == 0 ? 2 : 8;
        often[STEP_holds] = 40;
        often[STEP_claim] = often[STEP_report] = 30;
    }
    often[STEP_enqueue]++;
    often[STEP_claim]++;
}

static enum step_kind any_kind(uint64_t *x, const int often[STEP_KINDS])
{
    int sum = 0, k = 0;
    for (int i = 0; i < STEP_KINDS; i++)
        sum += often[i];
    for (int at = (int)(roll(x) % (uint64_t)sum); at >= often[k]; k++)
        at -= often[k];
    return (enum step_kind)k;
}

static void generate(struct sequence *q, uint64_t seed)
{
    uint64_t x = seed * 2 + 1;
    int often[STEP_KINDS];
    mix_kinds(&x, often);
    q->n = LENGTH_MIN + roll(&x) % (LENGTH_MAX - LENGTH_MIN + 1);
    for (size_t i = 0; i < q->n; i++) {
        enum step_kind k = any_kind(&x, often);
        uint64_t ab = roll(&x), c = roll(&x);
        q->step[i] =
            (struct step){k, (uint32_t)ab, (uint32_t)(ab >> 32), (uint32_t)c, (c >> 32) % 24 == 0};
    }
}

/* ---- running ---- */

static bool runs_well(const struct sequence *q, bool lie, bool trace, char why[900])
{
    struct run *volatile r = rp_xcalloc(1, sizeof *r);
    volatile bool ok = false;
    r->trace = trace;
    if (setjmp(r->wrong) == 0) {
        run_open(r);
        r->m.believes_interruptions_burn = lie;
        for (size_t i = 0; i < q->n; i++)
            run_step(r, &q->step[i]);
        run_end(r);
        ok = true;
    }
    (void)snprintf(why, 900, "%s", r->why);
    run_close(r);
    free(r);
    return ok;
}

/* ---- shrinking: parts are left out as long as it goes wrong without them (Zeller, Hildebrandt,
 * 2002), then the numbers of the steps that are left are made small ---- */

struct shrinking {
    struct sequence best;
    bool lie;
    int runs;
};

static bool still_wrong(struct shrinking *x, const struct sequence *q)
{
    char why[900];
    if (x->runs >= SHRINK_RUNS)
        return false;
    x->runs++;
    if (runs_well(q, x->lie, false, why))
        return false;
    x->best = *q;
    return true;
}

static bool leave_out(struct shrinking *x, size_t part)
{
    bool any = false;
    for (size_t at = 0; at < x->best.n;) {
        struct sequence q = x->best;
        size_t n = at + part < q.n ? part : q.n - at;
        memmove(&q.step[at], &q.step[at + n], (q.n - at - n) * sizeof *q.step);
        q.n -= n;
        if (still_wrong(x, &q))
            any = true;
        else
            at += n;
    }
    return any;
}

static bool make_small(struct shrinking *x, size_t at, uint32_t *field)
{
    size_t offset = (size_t)((char *)field - (char *)&x->best.step[at]);
    static const uint32_t small[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    for (size_t i = 0; i < sizeof small / sizeof *small && small[i] < *field; i++) {
        struct sequence q = x->best;
        memcpy((char *)&q.step[at] + offset, &small[i], sizeof small[i]);
        if (still_wrong(x, &q))
            return true;
    }
    return false;
}

static void shrink(struct shrinking *x)
{
    for (size_t part = x->best.n / 2 + 1; part > 0;)
        if (!leave_out(x, part))
            part /= 2;
        else if (part > x->best.n)
            part = x->best.n / 2;
    for (size_t i = 0; i < x->best.n; i++) {
        struct step *s = &x->best.step[i];
        (void)make_small(x, i, &s->a);
        (void)make_small(x, i, &s->b);
        (void)make_small(x, i, &s->c);
        struct sequence q = x->best;
        q.step[i].fails = false;
        if (s->fails)
            (void)still_wrong(x, &q);
    }
    while (leave_out(x, 1))
        ;
}

static void tell(uint64_t seed, const struct sequence *q, bool lie)
{
    struct shrinking x = {.best = *q, .lie = lie};
    char why[900];
    shrink(&x);
    (void)printf("RP_SEED=%llu RP_MODEL_CASES=1: %zu steps, after %d runs these %zu are left:\n",
                 (unsigned long long)seed, q->n, x.runs, x.best.n);
    (void)runs_well(&x.best, lie, true, why);
    (void)printf("\n  %s\n", why);
    (void)fflush(stdout);
}

/* ---- tests ---- */

static int64_t number(const char *name, int64_t otherwise)
{
    const char *s = getenv(name);
    return s != NULL && s[0] != '\0' ? (int64_t)strtoull(s, NULL, 10) : otherwise;
}

static void G3_G4_G10_to_G14_G17_the_store_does_what_the_model_does(void **state)
{
    (void)state;
    int64_t cases = number("RP_MODEL_CASES", 0), began = rp_mono(&rp_clock_system), done = 0;
    uint64_t seed = (uint64_t)number("RP_SEED", 20261126);
    size_t steps = 0;
    print_message("RP_SEED=%llu\n", (unsigned long long)seed);
    for (; cases > 0 ? done < cases : rp_mono(&rp_clock_system) - began < CI_US; done++, seed++) {
        struct sequence q;
        char why[900];
        generate(&q, seed);
        steps += q.n;
        if (runs_well(&q, false, false, why))
            continue;
        tell(seed, &q, false);
        fail_msg("the store does other than the model (RP_SEED=%llu): %s", (unsigned long long)seed,
                 why);
    }
    print_message("%lld sequences, %zu steps\n", (long long)done, steps);
}

/* A model that is wrong in one place is found, and by the three steps that it takes. */
static void a_difference_is_found_and_shrunk_to_the_steps_that_matter(void **state)
{
    (void)state;
    struct shrinking x = {.lie = true};
    char why[900];
    uint64_t seed = 1;
    for (; seed < 1000; seed++) {
        generate(&x.best, seed);
        if (!runs_well(&x.best, true, false, why))
            break;
    }
    assert_true(seed < 1000);
    shrink(&x);
    assert_int_equal(x.best.n, 3);
    assert_int_equal(x.best.step[2].kind, STEP_report);
    assert_false(runs_well(&x.best, true, false, why));
    assert_true(runs_well(&x.best, false, false, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference_is_found_and_shrunk_to_the_steps_that_matter),
        cmocka_unit_test(G3_G4_G10_to_G14_G17_the_store_does_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
