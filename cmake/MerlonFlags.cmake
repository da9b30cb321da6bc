# Compiler flags of the whole tree. Kernels add their instruction set per file, never here:
# one binary runs on every x86-64 machine and picks its kernels at run time.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wformat -Wformat-security -Wundef -Wpointer-arith -Wwrite-strings
    # Two roundings on every path, with and without FMA: the same bits everywhere.
    -ffp-contract=off
    -fno-math-errno
    -fstack-protector-strong
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
if(MERLON_WERROR)
    add_compile_options(-Werror)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fstack-clash-protection -fcf-protection -Wno-format-truncation)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT MERLON_SANITIZE)
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
add_link_options(-Wl,-z,relro,-z,now)
if(MERLON_SANITIZE)
    add_compile_options(-fsanitize=${MERLON_SANITIZE} -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${MERLON_SANITIZE})
    if(MERLON_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
endif()
