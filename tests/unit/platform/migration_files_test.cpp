#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "platform/postgres/migrations.h"

namespace quantstream::postgres {
namespace {

using ::testing::HasSubstr;

class MigrationFilesTest : public ::testing::Test {
 protected:
  MigrationFilesTest() { std::filesystem::create_directories(folder_); }
  ~MigrationFilesTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& sql) {
    std::ofstream(folder_ + "/" + name) << sql;
  }
  std::string folder_ = ::testing::TempDir() + "migrations." + std::to_string(getpid());
};

TEST_F(MigrationFilesTest, FilesComeInOrderOfTheirNumbers) {
  Write("0002_views.sql", "SELECT 2;");
  Write("0001_tables.sql", "SELECT 1;");
  Write("README.md", "not a migration");
  const auto migrations = ReadMigrations(folder_);
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  ASSERT_EQ(migrations->size(), 2U);
  EXPECT_EQ((*migrations)[0].name, "tables");
  EXPECT_EQ((*migrations)[1].number, 2);
  EXPECT_EQ((*migrations)[1].sql, "SELECT 2;");
}

TEST_F(MigrationFilesTest, ABadNameAHoleAndADoubleAreErrors) {
  Write("first.sql", "");
  EXPECT_THAT(std::string(ReadMigrations(folder_).status().message()),
              HasSubstr("'first.sql' is not named NNNN_name.sql"));
  std::filesystem::remove(folder_ + "/first.sql");
  Write("0001_a.sql", "");
  Write("0003_c.sql", "");
  EXPECT_THAT(std::string(ReadMigrations(folder_).status().message()),
              HasSubstr("migration 0003_c stands where number 2"));
  Write("0001_b.sql", "");
  EXPECT_FALSE(ReadMigrations(folder_).ok());
}

TEST_F(MigrationFilesTest, AMissingFolderIsNotFound) {
  EXPECT_EQ(ReadMigrations("/nowhere").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(MigrationFilesTest, WhatIsEmbeddedEqualsTheSource) {
  const char* source = std::getenv("QUANTSTREAM_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "ctest sets it";
  const auto files = ReadMigrations(std::string(source) + "/deploy/sql");
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(EmbeddedMigrations().size(), files->size());
  for (size_t i = 0; i < files->size(); ++i) {
    EXPECT_EQ(EmbeddedMigrations()[i].number, (*files)[i].number);
    EXPECT_EQ(EmbeddedMigrations()[i].name, (*files)[i].name);
    EXPECT_EQ(EmbeddedMigrations()[i].sql, (*files)[i].sql);
  }
}

TEST_F(MigrationFilesTest, TheChecksumIsSha256) {
  EXPECT_EQ(MigrationChecksum(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace quantstream::postgres
