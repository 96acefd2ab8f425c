# cmake -DOUT=file.c -DIN=file -DNAME=symbol -P embed_text.cmake: the file's text as a NUL-terminated array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "extern const char ${NAME}[];\nconst char ${NAME}[] = {${bytes}0};\n")
