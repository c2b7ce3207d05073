// Where the tests find the checkout, the built binaries, temporary folders and ../shared.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quantstream::test_support {

// The checkout, without a slash at the end: $QUANTSTREAM_SOURCE_DIR, otherwise where this was built
// from.
std::string SourceDir();

// The path of one of our binaries, by name: "quantstream-processor". From $QUANTSTREAM_BINARY_DIR,
// otherwise from the build directory of this test.
std::string Binary(std::string_view name);

// A file or folder of ../shared, by its path there ("data/ws-binance"). Where it is missing this
// prints the line "absent: PATH", which tests/run lists at its end, and fails the running test when
// the variable CI is set. Use:
//   const auto path = SharedData("data/stocks"); if (!path) return;
std::optional<std::string> SharedData(std::string_view path);

// A new empty folder that is removed with everything in it, also when the test is killed.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Writes a file of this folder and returns its path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
  int on_death_ = 0;
};

}  // namespace quantstream::test_support
