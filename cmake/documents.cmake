# What is written from the tables of the program by the program: man pages, completion, reference documents, schemas. Made at
# build time by running it, so that what is installed always fits what it does; docs/generate.sh copies the documents into docs/.
if(TARGET chancery AND NOT CMAKE_CROSSCOMPILING)
    set(CHANCERY_GENERATED ${CMAKE_BINARY_DIR}/generated)
    add_custom_command(OUTPUT ${CHANCERY_GENERATED}/made
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${CHANCERY_GENERATED}
        COMMAND chancery documents ${CHANCERY_GENERATED}
        COMMAND ${CMAKE_COMMAND} -E touch ${CHANCERY_GENERATED}/made
        DEPENDS chancery
        COMMENT "Writing man pages, completion and documents" VERBATIM)
    add_custom_target(documents ALL DEPENDS ${CHANCERY_GENERATED}/made)
    install(DIRECTORY ${CHANCERY_GENERATED}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} FILES_MATCHING PATTERN "*.1")
    install(FILES ${CHANCERY_GENERATED}/completion/chancery DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(DIRECTORY ${CHANCERY_GENERATED}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
    install(DIRECTORY ${CHANCERY_GENERATED}/schema DESTINATION ${CMAKE_INSTALL_DATADIR}/chancery)
endif()
