/* Kernel interfaces that Swift's Glibc module does not have. */
#pragma once
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
