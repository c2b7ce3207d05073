# cmake -DOUTPUT=x.cpp "-DFILES=a.sql;b.sql" -P embed_migrations.cmake: the migrations as C++ text.
set(rows "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_(.+)\\.sql$")
    message(FATAL_ERROR "${file} is not named NNNN_name.sql")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(title ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^0+" "" number ${number})
  file(READ ${file} sql)
  string(APPEND rows "      {${number}, \"${title}\", R\"__sql__(${sql})__sql__\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from deploy/sql.
#include \"platform/postgres/migrations.h\"

namespace quantstream::postgres {

const std::vector<Migration>& EmbeddedMigrations() {
  static const std::vector<Migration>* migrations = new std::vector<Migration>{
${rows}  };
  return *migrations;
}

}  // namespace quantstream::postgres
")
