#include "faults/disk_rot.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sut/base/prng.h"

namespace holdfast::faults {
namespace {

constexpr uint32_t kFilesMax = 1000;
constexpr uint32_t kBitsMax = 1000;

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

}  // namespace

absl::Status Validate(const DiskRot& rot) {
  if (rot.files < 1 || rot.files > kFilesMax) return Refuse("files is ", rot.files, ", outside 1..", kFilesMax);
  if (rot.bits < 1 || rot.bits > kBitsMax) return Refuse("bits is ", rot.bits, ", outside 1..", kBitsMax);
  return absl::OkStatus();
}

std::string ToText(const DiskRot& rot) {
  std::string text = absl::StrCat("rot ", std::string(PathClassName(rot.path_class)));
  if (rot.files != 1) absl::StrAppend(&text, " files=", rot.files);
  if (rot.bits != 1) absl::StrAppend(&text, " bits=", rot.bits);
  return text;
}

absl::StatusOr<DiskRot> ParseDiskRot(std::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(std::string(text), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.size() < 2 || words[0] != "rot") return Refuse("rot is `rot CLASS [files=N] [bits=N]`");
  DiskRot rot;
  const auto path_class = PathClassFromName(words[1]);
  if (!path_class) return Refuse("unknown class of paths \"", words[1], "\"");
  rot.path_class = *path_class;
  for (size_t i = 2; i < words.size(); ++i) {
    const std::vector<std::string> parts = absl::StrSplit(words[i], absl::MaxSplits('=', 1));
    const bool known = parts.size() == 2 && (parts[0] == "files" || parts[0] == "bits");
    if (!known || !absl::SimpleAtoi(parts[1], parts[0] == "files" ? &rot.files : &rot.bits)) {
      return Refuse("\"", words[i], "\" is no setting; files= or bits= is wanted");
    }
  }
  if (absl::Status status = Validate(rot); !status.ok()) return status;
  return rot;
}

std::vector<BitFlip> ChooseFlips(const DiskRot& rot, std::vector<FileOnDisk> files, uint64_t salt) {
  std::erase_if(files, [&](const FileOnDisk& file) { return file.bytes == 0 || !Includes(rot.path_class, file.path); });
  // Each file's lot is its own, so that the choice does not shift when an unrelated file comes or goes.
  const auto lot = [salt](const FileOnDisk& file) { return sut::Mix({salt, sut::MixString(file.path)}); };
  std::sort(files.begin(), files.end(), [&](const FileOnDisk& a, const FileOnDisk& b) {
    return lot(a) != lot(b) ? lot(a) < lot(b) : a.path < b.path;
  });
  if (files.size() > rot.files) files.resize(rot.files);
  std::vector<BitFlip> flips;
  for (const FileOnDisk& file : files) {
    for (uint32_t bit = 0; bit < rot.bits; ++bit) {
      const uint64_t draw = sut::Mix({lot(file), bit});
      const BitFlip flip{file.path, sut::Below(sut::MixBits(draw), file.bytes), static_cast<uint8_t>(1u << (draw % 8))};
      // The same bit twice would be no rot at all.
      if (std::find(flips.begin(), flips.end(), flip) == flips.end()) flips.push_back(flip);
    }
  }
  return flips;
}

}  // namespace holdfast::faults
