/* Variadic functions and macros of libcurl in a form that Swift can call. */
#pragma once
#include <curl/curl.h>
