#include "ingest/simulator/test_authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/paths.h"

namespace quantstream::simulator {
namespace {

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(TestAuthority, IsMadeOnceAndUsedAgain) {
  const test_support::TempDir folder;
  const auto first = EnsureTestCertificate(folder.path() + "/deep/tls");
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string authority = Read(first->authority_file);
  EXPECT_THAT(authority, ::testing::HasSubstr("BEGIN CERTIFICATE"));
  ASSERT_TRUE(EnsureTestCertificate(folder.path() + "/deep/tls").ok());
  EXPECT_EQ(Read(first->authority_file), authority);
}

TEST(TestAuthority, WhatDoesNotFitTogetherIsMadeAnew) {
  const test_support::TempDir folder;
  const auto first = EnsureTestCertificate(folder.path());
  ASSERT_TRUE(first.ok());
  const std::string authority = Read(first->authority_file);
  std::filesystem::remove(first->key_file);
  ASSERT_TRUE(EnsureTestCertificate(folder.path()).ok());
  EXPECT_NE(Read(first->authority_file), authority);
}

TEST(TestAuthority, TheKeyIsItsOwnersAlone) {
  const test_support::TempDir folder;
  const auto files = EnsureTestCertificate(folder.path());
  ASSERT_TRUE(files.ok());
  struct stat facts = {};
  ASSERT_EQ(::stat(files->key_file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST(TestAuthority, AFolderThatCannotBeMadeIsNamed) {
  const test_support::TempDir folder;
  folder.Write("file", "");
  const auto files = EnsureTestCertificate(folder.path() + "/file/tls");
  EXPECT_THAT(std::string(files.status().message()), ::testing::HasSubstr("/file/tls"));
}

}  // namespace
}  // namespace quantstream::simulator
