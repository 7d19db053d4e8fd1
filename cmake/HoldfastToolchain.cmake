# Compiler set-up that every target shares: warnings, sanitizers, ccache and a fast linker where they are found.

option(HOLDFAST_WERROR "Treat warnings as errors" OFF)
set(HOLDFAST_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined")

find_program(HOLDFAST_CCACHE ccache)
if(HOLDFAST_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
endif()
find_program(HOLDFAST_MOLD mold)
if(HOLDFAST_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -fno-omit-frame-pointer)
if(HOLDFAST_WERROR)
  add_compile_options(-Werror)
endif()
# Sanitizers bring an allocator of their own.
if(NOT HOLDFAST_SANITIZE)
  find_library(HOLDFAST_TCMALLOC tcmalloc_minimal)
endif()
if(HOLDFAST_SANITIZE)
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
endif()
