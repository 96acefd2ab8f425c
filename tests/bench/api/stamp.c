/* Says when it began: 8 bytes, microseconds of the clock that rp_mono reads, to the datagram socket
 * that is named by its argument (an abstract address). */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct timespec t;
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    if (argc != 2 || strlen(argv[1]) >= sizeof sa.sun_path)
        return 2;
    int64_t us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(sa.sun_path + 1, argv[1], strlen(argv[1]));
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[1]));
    return sendto(fd, &us, sizeof us, 0, (struct sockaddr *)&sa, n) != (ssize_t)sizeof us;
}
