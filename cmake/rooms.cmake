# A room is a folder of executor/: an object library named crib_ROOM. What it may include is held
# by tests/lint/includes against the table in docs/architecture.md.

set(CRIB_SANITIZE_FLAGS "")
if(CRIB_SANITIZE)
  set(CRIB_SANITIZE_FLAGS -fsanitize=${CRIB_SANITIZE} -fno-omit-frame-pointer
                          -fno-sanitize-recover=all)
endif()

if(CRIB_COVERAGE)
  list(APPEND CRIB_SANITIZE_FLAGS --coverage)
endif()

# crib_room(NAME file.c... [LIBS target...])
function(crib_room name)
  cmake_parse_arguments(ROOM "" "" "LIBS" ${ARGN})
  add_library(crib_${name} OBJECT ${ROOM_UNPARSED_ARGUMENTS})
  target_include_directories(crib_${name} PUBLIC ${PROJECT_SOURCE_DIR}/executor
                             ${PROJECT_SOURCE_DIR}/executor/include)
  target_link_libraries(crib_${name} PUBLIC crib_proto ${ROOM_LIBS})
  target_compile_options(crib_${name} PRIVATE ${CRIB_SANITIZE_FLAGS})
  set_property(GLOBAL APPEND PROPERTY CRIB_ROOMS crib_${name})
endfunction()
