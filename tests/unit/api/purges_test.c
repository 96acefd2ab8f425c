/* What purges take of the readers that all others need. */
#include "api_world.h"

#include <pthread.h>

/* ---- readers that are busy until they are let go ---- */

enum { BUSY = 16 }; /* more than there are */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool is_open;
static struct rp_read busy[BUSY];

static void wait_here(struct rp_db *db, void *arg)
{
    (void)db;
    (void)arg;
    (void)pthread_mutex_lock(&lock);
    while (!is_open)
        (void)pthread_cond_wait(&opened, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static int let_go(void **state)
{
    (void)pthread_mutex_lock(&lock);
    is_open = true;
    (void)pthread_cond_broadcast(&opened);
    (void)pthread_mutex_unlock(&lock);
    return world_teardown(state);
}

/* ---- tests ---- */

/* So that plans of millions of jobs, however many at once, leave every GET its readers. */
static void a_plan_takes_no_reader_of_the_short_questions(void **state)
{
    struct world *w = *state;
    struct rp_err err;
    for (int i = 0; i < BUSY; i++) {
        busy[i] = (struct rp_read){.run = wait_here};
        assert_true(rp_engine_read(w->engine, &busy[i], &err));
    }
    want(w, "POST", "/v1/purges", "{\"select\":{\"all\":true},\"dry_run\":true}", 200,
         "\"to_purge\":0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plan_takes_no_reader_of_the_short_questions, world_setup,
                                        let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
