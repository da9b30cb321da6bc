# What users get: the shared library libmerlon.so.0 over the rooms, its pkg-config file, and the
# install rules. The program `merlon` is linked from the rooms directly (src/cli), so that it starts
# fast and needs no library path.

# Writes a version script that exports exactly the symbols of the reviewed list.
function(mer_version_script list script)
    file(STRINGS ${list} lines)
    set(text "/* Made from libmerlon.symbols; edit that list, not this file. */\nMERLON_0 {\nglobal:\n")
    foreach(line ${lines})
        if(line MATCHES "^mer_[a-z0-9_]+$")
            string(APPEND text "    ${line};\n")
        elseif(NOT line MATCHES "^(#.*)?$")
            message(FATAL_ERROR "${list}: '${line}' is neither a symbol nor a comment")
        endif()
    endforeach()
    string(APPEND text "local:\n    *;\n};\n")
    file(CONFIGURE OUTPUT ${script} CONTENT "${text}" @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
endfunction()

# The library target merlon_shared, from the room `api` and, behind it, whatever `api` needs.
function(mer_shared_library)
    set(list ${CMAKE_SOURCE_DIR}/src/api/libmerlon.symbols)
    set(script ${CMAKE_BINARY_DIR}/libmerlon.map)
    mer_version_script(${list} ${script})

    # No source of its own; CMake wants one to know the language.
    set(empty ${CMAKE_BINARY_DIR}/libmerlon.c)
    file(CONFIGURE OUTPUT ${empty} CONTENT "typedef int mer_translation_unit_is_empty;\n" @ONLY)
    add_library(merlon_shared SHARED ${empty})
    target_link_libraries(merlon_shared PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,mer_api>")
    target_link_options(merlon_shared PRIVATE -Wl,--version-script=${script})
    if(NOT MERLON_SANITIZE)
        target_link_options(merlon_shared PRIVATE -Wl,--no-undefined)
    endif()
    target_include_directories(merlon_shared INTERFACE ${CMAKE_SOURCE_DIR}/include)
    set_target_properties(merlon_shared PROPERTIES
        OUTPUT_NAME merlon
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}
        LINK_DEPENDS ${script})
endfunction()

# The man pages and the shell completion, which the program itself writes from its table of commands.
function(mer_pages)
    set(man ${CMAKE_BINARY_DIR}/man)
    set(completion ${CMAKE_BINARY_DIR}/completion/merlon)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/completion)
    add_custom_command(OUTPUT ${man}/merlon.1 ${completion}
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${man}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${man}
        COMMAND merlon help --man ${man}
        COMMAND merlon completion bash > ${completion}
        DEPENDS merlon
        COMMENT "Writing the man pages and the shell completion"
        VERBATIM)
    add_custom_target(merlon_pages ALL DEPENDS ${man}/merlon.1 ${completion})
    install(DIRECTORY ${man}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
            FILES_MATCHING PATTERN "*.1")
    install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endfunction()

function(mer_install)
    if(TARGET merlon_shared)
        install(TARGETS merlon_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
        install(DIRECTORY include/merlon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
                FILES_MATCHING PATTERN "*.h")
        configure_file(cmake/merlon.pc.in merlon.pc @ONLY)
        install(FILES ${CMAKE_BINARY_DIR}/merlon.pc
                DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    endif()
    if(TARGET merlon-cell)
        install(TARGETS merlon-cell RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/merlon)
    endif()
    if(TARGET merlon)
        install(TARGETS merlon RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
        mer_pages()
    endif()
    install(FILES README.md ARCHITECTURE.md SECURITY.md CHANGELOG.md LICENSE
            DESTINATION ${CMAKE_INSTALL_DOCDIR})
    install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
            FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
endfunction()
