/* Variadic functions and macros of libmicrohttpd in a form that Swift can call. */
#pragma once
#include <microhttpd.h>
