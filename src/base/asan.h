#ifndef BASE_ASAN_H
#define BASE_ASAN_H

/* AddressSanitizer under one name: gcc's own, which clang does not define. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#endif
