# Every library that chunkscribe links, as imported targets.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent libevent_pthreads)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(JSONC REQUIRED IMPORTED_TARGET json-c)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(LIBAV REQUIRED IMPORTED_TARGET libavformat libavcodec libswresample libavutil)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

# llhttp 9: the system's package (Debian 13 and later), else the sources that ./dev puts together
# from a pinned package.
pkg_check_modules(LLHTTP QUIET IMPORTED_TARGET libllhttp>=9)
if(LLHTTP_FOUND)
    add_library(llhttp INTERFACE)
    target_link_libraries(llhttp INTERFACE PkgConfig::LLHTTP)
elseif(EXISTS "${CHUNKSCRIBE_LLHTTP_DIR}/include/llhttp.h")
    add_library(llhttp STATIC
        "${CHUNKSCRIBE_LLHTTP_DIR}/src/api.c" "${CHUNKSCRIBE_LLHTTP_DIR}/src/http.c"
        "${CHUNKSCRIBE_LLHTTP_DIR}/src/llhttp.c")
    target_include_directories(llhttp SYSTEM PUBLIC "${CHUNKSCRIBE_LLHTTP_DIR}/include")
else()
    message(FATAL_ERROR "llhttp 9 is missing: install libllhttp-dev, or run ./dev build, which "
        "fetches its sources into ${CHUNKSCRIBE_LLHTTP_DIR}")
endif()
