#include "harness/process/node_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "faults/chaos_paths.h"

namespace holdfast::process {
namespace {

namespace fs = std::filesystem;

// What of a fault is left to strike, in a new life.
faults::DiskFault Rest(const faults::DiskFault& fault, uint64_t struck) {
  faults::DiskFault rest = fault;
  if (struck == 0) return rest;
  rest.nth = 1;
  if (rest.times != faults::DiskFault::kAlways) rest.times -= struck;
  return rest;
}

bool Flip(const faults::BitFlip& flip) {
  const int fd = open(flip.path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;  // the node has removed it
  uint8_t byte = 0;
  const auto offset = static_cast<off_t>(flip.offset);
  bool flipped = pread(fd, &byte, 1, offset) == 1;
  byte ^= flip.mask;
  flipped = flipped && pwrite(fd, &byte, 1, offset) == 1;
  close(fd);
  return flipped;
}

}  // namespace

absl::StatusOr<uint64_t> NodeDisk::Arm(const faults::DiskFault& fault) {
  if (absl::Status valid = faults::Validate(fault); !valid.ok()) return valid;
  armed_[++last_id_] = {.fault = fault};
  if (absl::Status status = Write(); !status.ok()) return status;
  return last_id_;
}

absl::Status NodeDisk::Disarm(uint64_t id) {
  Look();
  return armed_.erase(id) > 0 ? Write() : absl::OkStatus();
}

absl::Status NodeDisk::SetSyncLatency(int64_t latency_us) {
  sync_us_ = latency_us;
  return Write();
}

absl::StatusOr<uint64_t> NodeDisk::Rot(const faults::DiskRot& rot, uint64_t salt) {
  if (absl::Status valid = faults::Validate(rot); !valid.ok()) return valid;
  std::vector<faults::FileOnDisk> files;
  std::error_code error;
  fs::recursive_directory_iterator entries(options_.data_dir, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    std::error_code gone;
    const std::string path = entries->path().string();
    if (path == faults::ChaosDirectory(options_.data_dir)) {
      entries.disable_recursion_pending();
    } else if (entries->is_regular_file(gone)) {
      if (const uint64_t bytes = entries->file_size(gone); !gone) files.push_back({path, bytes});
    }
  }
  // A directory that goes while it is listed has nothing left to rot.
  uint64_t flipped = 0;
  for (const faults::BitFlip& flip : faults::ChooseFlips(rot, std::move(files), salt)) flipped += Flip(flip) ? 1 : 0;
  damaged_ = damaged_ || flipped > 0;
  return flipped;
}

absl::Status NodeDisk::BeginLife() {
  Look();
  errors_in_life_ = 0;
  for (auto& [id, armed] : armed_) armed = {.fault = Rest(armed.fault, armed.struck)};
  return Write();
}

void NodeDisk::Look() {
  std::ifstream in(faults::ChaosDirectory(options_.data_dir) + "/struck", std::ios::binary);
  if (!in) return;
  in.seekg(static_cast<std::streamoff>(looked_at_bytes_));
  const std::string told((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  // A line that is being written is left for the next look.
  const size_t whole = told.rfind('\n') + 1;
  for (size_t begin = 0; begin < whole;) {
    const size_t end = told.find('\n', begin);
    Take(std::string_view(told).substr(begin, end - begin));
    begin = end + 1;
  }
  looked_at_bytes_ += whole;
}

// A line of the chaos disk. The number of the fault is the comment of its line in the control file.
void NodeDisk::Take(std::string_view line) {
  const size_t hash = line.rfind('#');
  uint64_t id = 0;
  if (hash == std::string_view::npos || !absl::SimpleAtoi(std::string(line.substr(hash + 1)), &id) || id == 0) return;
  ++struck_;
  const std::string effect(line.substr(0, line.find(' ')));
  if (effect == faults::DiskEffectName(faults::DiskEffect::kLost) ||
      effect == faults::DiskEffectName(faults::DiskEffect::kMisdirected)) {
    damaged_ = true;
  } else if (effect != faults::DiskEffectName(faults::DiskEffect::kLatency)) {
    ++errors_in_life_;
  }
  const auto armed = armed_.find(id);
  if (armed == armed_.end()) return;
  const uint64_t times = armed->second.fault.times;
  if (++armed->second.struck >= times && times != faults::DiskFault::kAlways) armed_.erase(armed);
}

absl::Status NodeDisk::Write() const {
  std::string text;
  if (sync_us_ > 0) {
    const faults::DiskFault slow{.effect = faults::DiskEffect::kLatency,
                                 .operation = faults::DiskOperation::kSync,
                                 .path_class = faults::PathClass::kRaftLog,
                                 .times = faults::DiskFault::kAlways,
                                 .latency_us = static_cast<uint64_t>(sync_us_)};
    absl::StrAppend(&text, faults::ToText(slow), "\n");
  }
  for (const auto& [id, armed] : armed_) absl::StrAppend(&text, faults::ToText(armed.fault), " # ", id, "\n");
  // In one step, for it may be read at any time.
  const std::string& file = options_.control_file;
  std::ofstream out(file + ".tmp", std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  fs::rename(file + ".tmp", file, error);
  return out && !error ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(file, ": can't be written"));
}

}  // namespace holdfast::process
