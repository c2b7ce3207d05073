# How a module, a binary and a test are declared. Flags live on targets; an unknown argument is
# fatal.

add_library(quantstream_build_flags INTERFACE)
# g++ 12 sees overlapping copies in optimised std::string joins where there are none (its bug
# 105651).
target_compile_options(quantstream_build_flags INTERFACE
  -Wall -Wextra -Wconversion -Werror -Wno-restrict)
target_include_directories(quantstream_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(quantstream_build_flags INTERFACE
  QUANTSTREAM_VERSION="${PROJECT_VERSION}")

function(quantstream_parse PREFIX KEYWORDS)
  if(${PREFIX}_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments: ${${PREFIX}_UNPARSED_ARGUMENTS}; known: ${KEYWORDS}")
  endif()
endfunction()

# quantstream_module(NAME market SOURCES a.cpp b.cpp DEPENDS absl::status): library
# quantstream_market with the alias quantstream::market. DEPENDS are public.
function(quantstream_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPENDS" ${ARGN})
  quantstream_parse(M "NAME SOURCES DEPENDS")
  add_library(quantstream_${M_NAME} STATIC ${M_SOURCES})
  add_library(quantstream::${M_NAME} ALIAS quantstream_${M_NAME})
  target_link_libraries(quantstream_${M_NAME} PUBLIC ${M_DEPENDS} PRIVATE quantstream_build_flags)
  target_include_directories(quantstream_${M_NAME} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# quantstream_binary(NAME quantstream-processor SOURCES main.cpp DEPENDS quantstream::processor)
function(quantstream_binary)
  cmake_parse_arguments(B "" "NAME" "SOURCES;DEPENDS" ${ARGN})
  quantstream_parse(B "NAME SOURCES DEPENDS")
  add_executable(${B_NAME} ${B_SOURCES})
  target_link_libraries(${B_NAME} PRIVATE
    ${B_DEPENDS} quantstream::mimalloc quantstream_build_flags)
  set_target_properties(${B_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  install(TARGETS ${B_NAME} RUNTIME DESTINATION bin)
endfunction()

# quantstream_test(NAME decimal_test LABEL unit SOURCES decimal_test.cpp DEPENDS quantstream::market
#   [ENVIRONMENT "A=b"] [TIMEOUT_S 60]): one GoogleTest binary, one ctest entry.
function(quantstream_test)
  cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT_S" "SOURCES;DEPENDS;ENVIRONMENT" ${ARGN})
  quantstream_parse(T "NAME LABEL TIMEOUT_S SOURCES DEPENDS ENVIRONMENT")
  if(NOT T_TIMEOUT_S)
    set(T_TIMEOUT_S 120)
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE
    ${T_DEPENDS} GTest::gmock GTest::gtest_main quantstream_build_flags)
  set_target_properties(${T_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${T_NAME} COMMAND ${T_NAME})
  if(T_LABEL MATCHES "^(e2e|fault)$")
    set_tests_properties(${T_NAME} PROPERTIES RUN_SERIAL TRUE)
  endif()
  set(environment "QUANTSTREAM_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
    "QUANTSTREAM_BINARY_DIR=${CMAKE_BINARY_DIR}" ${T_ENVIRONMENT})
  set_tests_properties(${T_NAME} PROPERTIES
    LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT_S} ENVIRONMENT "${environment}")
endfunction()
