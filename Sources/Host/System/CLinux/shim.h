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
#include <ifaddrs.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <string.h>
#include <time.h>

/* The bytes of an IP address, 4 or 16 of them, and its port; 0 for another family. */
static inline int comfyd_address_bytes(const struct sockaddr *address, unsigned char bytes[16], unsigned short *port) {
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *version4 = (const struct sockaddr_in *)address;
        memcpy(bytes, &version4->sin_addr, 4);
        *port = ntohs(version4->sin_port);
        return 4;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *version6 = (const struct sockaddr_in6 *)address;
        memcpy(bytes, &version6->sin6_addr, 16);
        *port = ntohs(version6->sin6_port);
        return 16;
    }
    return 0;
}

/* Whether one of this machine's interfaces has an IP address of `count` bytes; yes if they cannot be listed. */
static inline int comfyd_is_own_address(const unsigned char *bytes, int count) {
    struct ifaddrs *list = 0;
    if (getifaddrs(&list) != 0) return 1;
    int found = 0;
    for (struct ifaddrs *one = list; one && !found; one = one->ifa_next) {
        unsigned char own[16];
        unsigned short port;
        found = one->ifa_addr && comfyd_address_bytes(one->ifa_addr, own, &port) == count && !memcmp(own, bytes, count);
    }
    freeifaddrs(list);
    return found;
}

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
