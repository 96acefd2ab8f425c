/* Answered requests go back to the API threads that serve their connections, many by one wake-up.
 *
 * The writer answers a batch of requests at once. To resume the connection of each would wake its
 * thread each time; on a busy machine the thread then takes the processor from the writer, finds
 * one answer, and sleeps again: a switch a request. So who is answered joins a list of its API
 * thread, and only the first of a list has its connection resumed. When its thread comes to it, it
 * resumes the others itself, awake as it is.
 *
 * A list that is not empty has exactly one request that is resumed and has not come back yet, the
 * one that found it empty; it comes to request_back in any case, whether its client is still there
 * or not. Two API threads may share a
 * list: either resumes the other's connections as well. */
#include "api/internal.h"

static _Atomic unsigned threads_seen;
static _Thread_local unsigned this_thread; /* from 1 */

struct answered *answered_here(struct rp_api *api)
{
    if (this_thread == 0)
        this_thread = 1 + atomic_fetch_add(&threads_seen, 1);
    return &api->answered[this_thread % ANSWERED_LISTS];
}

void request_resume(struct request *q)
{
    struct answered *list = q->answered;
    struct MHD_Connection *connection = q->connection;
    struct request *before = atomic_load(&list->first);
    atomic_size_t *resuming = &q->api->resuming;
    atomic_fetch_add(resuming, 1);
    do {
        q->next_answered = before;
        q->calls_others = before == NULL;
    } while (!atomic_compare_exchange_weak(&list->first, &before, q));
    if (before == NULL) /* else q may be gone by now */
        MHD_resume_connection(connection);
    atomic_fetch_sub(resuming, 1);
}

void request_back(struct request *q)
{
    if (!q->calls_others)
        return;
    struct request *others = atomic_exchange(&q->answered->first, NULL);
    while (others != NULL) {
        struct request *next = others->next_answered;
        if (others != q)
            MHD_resume_connection(others->connection);
        others = next;
    }
}
