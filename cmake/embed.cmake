# Writes the files of two folders into one C file as byte arrays, in the order of their names.
#
#   cmake -DOUT=file.c -DPOLICIES=folder -DGROUPS=folder -P embed.cmake

# One array per file, and the table of them: `struct shipped TABLE[]`, `TABLE_count`.
function(embed table folder)
  file(GLOB files ${folder}/*.yaml)
  list(SORT files)
  set(rows "")
  set(index 0)
  foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],)" "\\1\n" bytes "${bytes}")
    string(APPEND text "static const unsigned char ${table}_${index}[] = {\n${bytes}};\n")
    string(APPEND rows "    {\"${name}\", ${table}_${index}, sizeof(${table}_${index})},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  if(index EQUAL 0)
    message(FATAL_ERROR "no .yaml files in ${folder}")
  endif()
  string(APPEND text "const struct shipped ${table}[] = {\n${rows}};\n")
  string(APPEND text "const size_t ${table}_count = ${index};\n\n")
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(text "/* Made by cmake/embed.cmake. */\n#include \"policy/shipped.h\"\n\n")
embed(shipped_policies ${POLICIES})
embed(shipped_groups ${GROUPS})
file(WRITE ${OUT} "${text}")
