// Rot of data at rest, as data: bits of files of a class flip on one disk, without anybody writing.
//
// Fault model: any bit of any file of the class may flip, also under all the names of a hard-linked file. The node is
// not told. It must notice when it reads the bytes and before they replace anything: it may refuse, stop or stay down,
// but never show other content. At most a minority of each group's replicas may rot.
//
// Text: `rot CLASS [files=N] [bits=N]`. Pure functions: which bits flip follows from the files and the salt.

#ifndef FAULTS_DISK_ROT_H_
#define FAULTS_DISK_ROT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "faults/path_class.h"

namespace holdfast::faults {

struct DiskRot {
  PathClass path_class = PathClass::kAny;
  uint32_t files = 1;  // at most so many files of the class rot
  uint32_t bits = 1;   // in each of them

  friend bool operator==(const DiskRot&, const DiskRot&) = default;
};

struct FileOnDisk {
  std::string path;
  uint64_t bytes = 0;
};

struct BitFlip {
  std::string path;
  uint64_t offset = 0;
  uint8_t mask = 0;  // one bit

  friend bool operator==(const BitFlip&, const BitFlip&) = default;
};

absl::Status Validate(const DiskRot& rot);
std::string ToText(const DiskRot& rot);
absl::StatusOr<DiskRot> ParseDiskRot(std::string_view text);

// The flips that `salt` makes among `files` (all files of the disk, in any order); none if no file of the class has a
// byte.
std::vector<BitFlip> ChooseFlips(const DiskRot& rot, std::vector<FileOnDisk> files, uint64_t salt);

}  // namespace holdfast::faults

#endif  // FAULTS_DISK_ROT_H_
