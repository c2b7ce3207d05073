# quantstream::mimalloc: the allocator of every service. Nothing refers to its symbols, so the
# linker would drop a plain -lmimalloc: --no-as-needed keeps it. Empty in sanitizer builds, which
# bring their own allocator.
add_library(quantstream_mimalloc INTERFACE)
add_library(quantstream::mimalloc ALIAS quantstream_mimalloc)
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  find_library(MIMALLOC_LIBRARY mimalloc REQUIRED)
  target_link_options(quantstream_mimalloc INTERFACE
    "LINKER:--push-state,--no-as-needed,${MIMALLOC_LIBRARY},--pop-state")
endif()
