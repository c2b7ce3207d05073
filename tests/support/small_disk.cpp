#include "tests/support/small_disk.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/support/watchdog.h"

namespace quantstream::test_support {

// Below /tmp whatever TMPDIR says: servers of other users walk there.
std::unique_ptr<SmallDisk> SmallDisk::Mount(int64_t bytes) {
  std::string path = "/tmp/quantstream-disk-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return nullptr;
  const std::string options = "mode=1777,size=" + std::to_string(bytes);
  if (mount("none", path.c_str(), "tmpfs", 0, options.c_str()) != 0) {
    rmdir(path.c_str());
    return nullptr;
  }
  return std::unique_ptr<SmallDisk>(new SmallDisk(path));
}

SmallDisk::SmallDisk(std::string path)
    : path_(std::move(path)),
      on_death_(OnDeath("umount --lazy '" + path_ + "'; rmdir '" + path_ + "'")) {}

SmallDisk::~SmallDisk() {
  umount2(path_.c_str(), MNT_DETACH);
  rmdir(path_.c_str());
  ForgetOnDeath(on_death_);
}

void SmallDisk::Fill() {
  const std::string bytes(4096, 'x');
  const int file = open((path_ + "/filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  while (write(file, bytes.data(), bytes.size()) > 0) {
  }
  close(file);
}

void SmallDisk::Free() {
  unlink((path_ + "/filler").c_str());
}

}  // namespace quantstream::test_support
