/* Variadic functions and macros of libcurl in a form that Swift can call. */
#pragma once
#include "../CLinux/shim.h"
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

typedef size_t (*comfyd_curl_data_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode comfyd_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode comfyd_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode comfyd_easy_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode comfyd_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode comfyd_easy_set_headers(CURL *easy, struct curl_slist *list) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
}
static inline void comfyd_easy_set_write(CURL *easy, comfyd_curl_data_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, callback);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
}
static inline void comfyd_easy_set_header(CURL *easy, comfyd_curl_data_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, callback);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
}
static inline void comfyd_easy_set_read(CURL *easy, comfyd_curl_data_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, callback);
    curl_easy_setopt(easy, CURLOPT_READDATA, context);
}
static inline void comfyd_easy_set_prereq(CURL *easy, curl_prereq_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, context);
}
static inline void comfyd_easy_set_sockets(CURL *easy, curl_opensocket_callback open, void *opener,
                                           curl_closesocket_callback close, void *closer) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, opener);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, closer);
}

/* As comfyd_address_bytes; the structure ends in room for the addresses of IPv6, which its type does not say. */
static inline int comfyd_curl_address_bytes(const struct curl_sockaddr *address, unsigned char bytes[16],
                                            unsigned short *port) {
    return comfyd_address_bytes(&address->addr, bytes, port);
}

/* 0 when the handle has no such number. */
static inline long comfyd_easy_long(CURL *easy, CURLINFO info) {
    long value = 0;
    curl_easy_getinfo(easy, info, &value);
    return value;
}
/* -1 when the length is unknown. */
static inline curl_off_t comfyd_easy_content_length(CURL *easy) {
    curl_off_t value = -1;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &value);
    return value;
}
static inline curl_socket_t comfyd_easy_socket(CURL *easy) {
    curl_socket_t value = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &value);
    return value;
}
static inline void *comfyd_easy_private(CURL *easy) {
    char *value = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value);
    return value;
}

static inline void comfyd_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    curl_multi_setopt(multi, option, value);
}
static inline void comfyd_multi_set_callbacks(CURLM *multi, curl_socket_callback socket,
                                              curl_multi_timer_callback timer, void *context) {
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
}
/* The next transfer that ended and how; null when there is none. */
static inline CURL *comfyd_multi_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return 0;
}
