# With MERLON_VALGRIND every program that a test starts runs under valgrind, scripts' too: its findings
# are an exit code of their own and a file in valgrind/ of the build tree. Cells are not: they are
# static, and end with the first system call that their filter does not list, valgrind's included. The
# rooms that they are made of run in the tests of those.
#
# MERLON_TESTED: what a script is given as the program merlon. MERLON_TIMES: how much longer tests take.
set(MERLON_TESTED $<TARGET_FILE:merlon>)
set(MERLON_TIMES 1)
if(MERLON_VALGRIND)
    find_program(MERLON_VALGRIND_PROGRAM valgrind REQUIRED)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/valgrind)
    # Some programs run as nobody.
    file(CHMOD ${CMAKE_BINARY_DIR}/valgrind PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
         GROUP_READ GROUP_WRITE GROUP_EXECUTE WORLD_READ WORLD_WRITE WORLD_EXECUTE)
    set(MERLON_TIMES 30)
    # Tests of many thousand processes make do with fewer.
    add_compile_definitions(MER_UNDER_VALGRIND)
    # add_test puts it before a target's name.
    set(CMAKE_CROSSCOMPILING_EMULATOR ${MERLON_VALGRIND_PROGRAM} --quiet --error-exitcode=99
        --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect
        --child-silent-after-fork=yes --log-file=${CMAKE_BINARY_DIR}/valgrind/%p.log)
    list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " command)
    set(MERLON_TESTED ${CMAKE_BINARY_DIR}/merlon-valgrind)
    file(WRITE ${MERLON_TESTED}
         "#!/bin/sh\nexec ${command} ${CMAKE_BINARY_DIR}/merlon \"$@\"\n")
    file(CHMOD ${MERLON_TESTED} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
         GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endif()
