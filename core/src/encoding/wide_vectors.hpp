// GARAGE_WIDE_VECTORS, before a function whose loops are worth it: it is compiled for processors with AVX-512, with
// AVX2 and for all others, and each runs its own. They round alike, since no product is fused with a sum
// (-ffp-contract=off). Of a sanitizer's build the choice would be made before the sanitizer is there.
#pragma once

#if defined(__x86_64__) && !defined(__clang__) && __GNUC__ >= 12 && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define GARAGE_WIDE_VECTORS [[gnu::target_clones("arch=x86-64-v4", "avx2", "default")]]
#else
#define GARAGE_WIDE_VECTORS
#endif
