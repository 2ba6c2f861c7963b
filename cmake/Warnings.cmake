# The warnings every target of ours is compiled with (as errors), and hardening for release builds.
add_library(chunkscribe_warnings INTERFACE)
# uthash's default hash is a switch that falls through, in our files once expanded: clang objects.
target_compile_definitions(chunkscribe_warnings INTERFACE _GNU_SOURCE HASH_FUNCTION=HASH_FNV)
target_compile_options(chunkscribe_warnings INTERFACE
    -Werror -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wundef -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wredundant-decls -Wpointer-arith -Wwrite-strings
    -Wcast-qual -Wcast-align -Wvla -Walloca -Wswitch-enum -Wimplicit-fallthrough
    -Wdouble-promotion -Wconversion
    $<$<C_COMPILER_ID:GNU>:-Wnull-dereference;-Wlogical-op;-Wduplicated-cond;-Wduplicated-branches;-Wjump-misses-init>)

if(CHUNKSCRIBE_SANITIZE)
    add_compile_options(-fsanitize=${CHUNKSCRIBE_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${CHUNKSCRIBE_SANITIZE})
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
        -fstack-clash-protection)
    add_link_options(-pie -Wl,-z,relro,-z,now)
endif()
