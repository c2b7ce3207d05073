// A disk that can be made full: a small tmpfs, which root alone may mount.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace quantstream::test_support {

class SmallDisk {
 public:
  // Everybody may write to it. Null where this user may not mount.
  static std::unique_ptr<SmallDisk> Mount(int64_t bytes);
  ~SmallDisk();  // Gone with what is on it, also when the test is killed.
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& path() const { return path_; }
  // From now on nothing more fits. Again: also into what has become free since.
  void Fill();
  void Free();

 private:
  explicit SmallDisk(std::string path);
  std::string path_;
  int on_death_ = 0;
};

}  // namespace quantstream::test_support
