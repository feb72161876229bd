/* Kernel interfaces that Swift's Glibc module does not have. */
#pragma once
/* The socket headers, once for all our C modules: they include this file first, so that the declarations belong to
 * CLinux and not to whichever library's module the compiler happens to read first. */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <dlfcn.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

/* Names the calling thread, for `top -H` and debuggers. */
static inline void comfyd_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/* Clocks as plain numbers: which of Swift's modules owns `timespec` and `timeval` depends on the order of a build's imports. */
static inline long long comfyd_clock_nanoseconds(int clock) {
    struct timespec time = {0};
    clock_gettime((clockid_t)clock, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The processor time of this process in microseconds, all threads together. */
static inline long long comfyd_cpu_microseconds(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}
