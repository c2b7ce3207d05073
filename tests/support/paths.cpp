#include "tests/support/paths.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "tests/support/watchdog.h"

namespace quantstream::test_support {
namespace {

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

std::string SourceDir() {
  return FromEnvironment("QUANTSTREAM_SOURCE_DIR", QUANTSTREAM_BUILT_FROM);
}

std::string Binary(std::string_view name) {
  return FromEnvironment("QUANTSTREAM_BINARY_DIR", QUANTSTREAM_BUILT_IN) + "/bin/" +
         std::string(name);
}

std::optional<std::string> SharedData(std::string_view path) {
  const auto full = std::filesystem::path(SourceDir()).parent_path() / "shared" / path;
  std::error_code error;
  if (std::filesystem::exists(full, error)) return full.string();
  std::cout << "absent: ../shared/" << path << std::endl;
  if (!FromEnvironment("CI", "").empty()) ADD_FAILURE() << "in CI absent data is a failure";
  return std::nullopt;
}

TempDir::TempDir() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "quantstream-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
  on_death_ = OnDeath("rm -rf '" + path_ + "'");
}

TempDir::~TempDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (!error) ForgetOnDeath(on_death_);
}

std::string TempDir::Write(std::string_view name, std::string_view content) const {
  const std::string path = path_ + "/" + std::string(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace quantstream::test_support
