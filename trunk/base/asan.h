/* asan - whether this is a build with the address sanitizer, by gcc's way of saying so or clang's. Layer:
 * base. Such a build keeps no memory back, so that each use of freed memory is seen. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifndef HAVE_ASAN
#define HAVE_ASAN 0
#endif
