// GARAGE_WIDE_VECTORS, before a function whose loops are worth it: it is compiled twice, and a processor with AVX2 runs
// the one that uses it. Both round alike, since no product is fused with a sum (-ffp-contract=off). Of a sanitizer's
// build the choice would be made before the sanitizer is there.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define GARAGE_WIDE_VECTORS [[gnu::target_clones("avx2", "default")]]
#else
#define GARAGE_WIDE_VECTORS
#endif
