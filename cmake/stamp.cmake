# Writes the digest of some files into a C file, as the text `filter_stamp`.
#
#   cmake -DOUT=file.c "-DFILES=file|file|…" -P stamp.cmake
string(REPLACE "|" ";" files "${FILES}")
set(all "")
foreach(file ${files})
  file(SHA256 ${file} one)
  string(APPEND all "${one}\n")
endforeach()
string(SHA256 stamp "${all}")
file(WRITE ${OUT} "/* Made by cmake/stamp.cmake. */\n#include \"plan/filter_file.h\"\n\nconst char filter_stamp[] = \"${stamp}\";\n")
