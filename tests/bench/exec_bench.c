/* Runs of /bin/true per second: through rp_exec one after another, with 16 at a time, and by a
 * plain posix_spawn + waitpid loop. One JSON line. usage: exec_bench [runs [cgroup folder | none]]
 */
#include "exec/exec.h"

#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void done(void *ctx, uint64_t id, struct rp_exec_result *result)
{
    (void)id;
    if (result->exit_code != 0)
        abort();
    (void)sem_post(ctx);
}

static double plain(int runs)
{
    char *argv[] = {(char[]){"true"}, NULL};
    int64_t from = rp_mono(&rp_clock_system);
    for (int i = 0; i < runs; i++) {
        pid_t pid;
        int status;
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL) != 0 ||
            waitpid(pid, &status, 0) != pid)
            abort();
    }
    return runs / ((double)(rp_mono(&rp_clock_system) - from) / 1e6);
}

/* `many` at any time. */
static double through_exec(struct rp_exec *x, sem_t *slots, int runs, int many)
{
    struct rp_str argv[] = {RP_STR("/bin/true")};
    struct rp_exec_spec spec = {.argv = {argv, 1}, .umask = -1, .keep_bytes = 256 << 10};
    int64_t from = rp_mono(&rp_clock_system);
    for (int i = 0; i < many; i++)
        (void)sem_post(slots);
    for (int i = 0; i < runs; i++) {
        (void)sem_wait(slots);
        rp_exec_start(x, (uint64_t)i, &spec);
    }
    for (int i = 0; i < many; i++)
        (void)sem_wait(slots);
    return runs / ((double)(rp_mono(&rp_clock_system) - from) / 1e6);
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : 2000;
    sem_t slots;
    struct rp_err err;
    (void)sem_init(&slots, 0, 0);
    struct rp_exec_options o = {
        .cgroup = rp_str_of(argc > 2 ? argv[2] : NULL), .done = done, .ctx = &slots};
    struct rp_exec *x = rp_exec_new(&o, &err);
    if (x == NULL) {
        (void)fprintf(stderr, "exec_bench: %s\n", err.message);
        return 1;
    }
    (void)plain(runs / 10);
    double base = plain(runs), one = through_exec(x, &slots, runs, 1),
           many = through_exec(x, &slots, runs, 16);
    printf("{\"bench\": \"exec\", \"covers\": \"%s\", \"runs\": %d, \"posix_spawn_per_s\": %.0f, "
           "\"exec_per_s\": %.0f, "
           "\"exec_16_per_s\": %.0f, \"ratio\": %.3f, \"ratio_16\": %.3f}\n",
           rp_exec_covers(x) == RP_COVERS_CGROUP ? "cgroup" : "subreaper", runs, base, one, many,
           one / base, many / base);
    rp_exec_free(x);
    (void)sem_destroy(&slots);
    return 0;
}
