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

/* Names the calling thread, for `top -H` and debuggers. */
static inline void comfyd_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
