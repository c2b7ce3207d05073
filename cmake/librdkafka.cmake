# quantstream::rdkafka: an installed librdkafka from 2.12 on, otherwise 2.15.1 built by
# third_party/librdkafka/build into .cache/ of the checkout, which all build directories share. The
# script holds a lock: two configures may run at once.
find_package(PkgConfig REQUIRED)
pkg_check_modules(INSTALLED_RDKAFKA QUIET IMPORTED_TARGET rdkafka>=2.12)

if(INSTALLED_RDKAFKA_FOUND)
  message(STATUS "librdkafka ${INSTALLED_RDKAFKA_VERSION}: installed")
  add_library(quantstream::rdkafka ALIAS PkgConfig::INSTALLED_RDKAFKA)
  return()
endif()

set(rdkafka_version 2.15.1)
set(rdkafka_prefix ${PROJECT_SOURCE_DIR}/.cache/librdkafka-${rdkafka_version})
if(NOT EXISTS ${rdkafka_prefix}/.complete-${rdkafka_version})
  message(STATUS "librdkafka ${rdkafka_version}: not built yet, building it into .cache")
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/third_party/librdkafka/build ${rdkafka_prefix}
    RESULT_VARIABLE rdkafka_result)
  if(NOT rdkafka_result EQUAL 0)
    message(FATAL_ERROR "third_party/librdkafka/build failed: ${rdkafka_result}")
  endif()
endif()
message(STATUS "librdkafka ${rdkafka_version}: ${rdkafka_prefix}")

find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
add_library(quantstream_rdkafka STATIC IMPORTED GLOBAL)
set_target_properties(quantstream_rdkafka PROPERTIES
  IMPORTED_LOCATION ${rdkafka_prefix}/lib/librdkafka.a
  INTERFACE_INCLUDE_DIRECTORIES ${rdkafka_prefix}/include)
target_link_libraries(quantstream_rdkafka INTERFACE
  OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB ${ZSTD_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} m)
add_library(quantstream::rdkafka ALIAS quantstream_rdkafka)
