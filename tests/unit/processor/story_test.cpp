// The stories of testdata/: QUANTSTREAM_REWRITE=1 writes the answers of today into them.
#include "tests/unit/processor/story.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace quantstream::processor {
namespace {

std::vector<std::string> Stories() {
  std::vector<std::string> names;
  const char* root = std::getenv("QUANTSTREAM_SOURCE_DIR");
  const std::string folder =
      std::string(root == nullptr ? "." : root) + "/tests/unit/processor/testdata";
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().string().ends_with("_story.txt")) names.push_back(file.path().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Stories, AreStillTrue) {
  const std::vector<std::string> names = Stories();
  EXPECT_GE(names.size(), 10u);
  for (const std::string& name : names) {
    std::ostringstream told;
    told << std::ifstream(name).rdbuf();
    const std::string retold = Retell(told.str());
    EXPECT_EQ(retold, told.str()) << name;
    if (std::getenv("QUANTSTREAM_REWRITE") != nullptr) std::ofstream(name) << retold;
  }
}

}  // namespace
}  // namespace quantstream::processor
