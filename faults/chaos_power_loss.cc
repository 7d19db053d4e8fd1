// ApplyPowerLoss: first the names, then the bytes of the files that are left.
//
// Which unsynced changes of names are lost is drawn from the oldest to the newest, each change that stands on a lost
// one going with it; they are undone from the newest to the oldest, so that each finds the names as it left them. An
// undo that finds nothing to do was done before, by a call that was interrupted, or its change never came to pass.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "faults/chaos_file_system.h"
#include "faults/chaos_journal.h"
#include "faults/chaos_paths.h"
#include "sut/base/prng.h"

namespace holdfast::faults {
namespace {

namespace fs = std::filesystem;
using chaos::DirectoryChange;

constexpr uint64_t kSectorBytes = 512;

// What has become of an unsynced tail.
enum class Fate : uint8_t { kAllLost, kAllKept, kShort, kZeroed, kGarbage, kHoles, kFateCount };
constexpr uint64_t kFatesOfOrderedFiles = 3;  // The first ones.

// The changes that are lost so far, as far as later ones stand on them.
struct Losses {
  std::set<std::pair<uint64_t, std::string>> names;
  std::set<uint64_t> changed_directories;
  std::set<uint64_t> directories_added_to;
  std::set<uint64_t> unmade_directories;
  bool directory_move = false;

  bool Include(const DirectoryChange& change) const {
    if (change.emptied() != 0 && changed_directories.contains(change.emptied())) return true;
    if (change.entered() != 0 && directories_added_to.contains(change.entered())) return true;
    if (change.moves_directory_across() && directory_move) return true;
    return std::any_of(change.entries().begin(), change.entries().end(), [this](const auto& entry) {
      return unmade_directories.contains(entry.directory()) || names.contains({entry.directory(), entry.name()});
    });
  }

  void Add(const DirectoryChange& change) {
    for (const auto& entry : change.entries()) {
      names.insert({entry.directory(), entry.name()});
      changed_directories.insert(entry.directory());
      if (entry.adds()) directories_added_to.insert(entry.directory());
    }
    if (change.made() != 0) unmade_directories.insert(change.made());
    directory_move = directory_move || change.moves_directory_across();
  }
};

std::vector<DirectoryChange> DrawLosses(const std::vector<DirectoryChange>& changes, uint64_t salt) {
  // Some losses of power keep nearly everything, some next to nothing; those in between split what belongs together.
  const uint64_t survivors_of_4 = sut::Below(sut::Mix({salt, 1}), 5);
  std::vector<DirectoryChange> lost;
  Losses losses;
  for (const DirectoryChange& change : changes) {
    const bool drawn = sut::Below(sut::Mix({salt, 2, change.identity()}), 4) >= survivors_of_4;
    if (!drawn && !losses.Include(change)) continue;
    losses.Add(change);
    lost.push_back(change);
  }
  return lost;
}

absl::Status Failed(const std::error_code& error, const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", error.message()));
}

absl::Status Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  return error ? Failed(error, absl::StrCat("renaming ", from.string(), " to ", to.string())) : absl::OkStatus();
}

class PowerLoss {
 public:
  PowerLoss(std::string data_dir, uint64_t salt) : data_dir_(std::move(data_dir)), salt_(salt) {}

  absl::Status Play() {
    auto journal = ChaosJournal::Open(ChaosDirectory(data_dir_));
    if (!journal.ok()) return journal.status();
    const std::vector<DirectoryChange> lost = DrawLosses((*journal)->changes(), salt_);
    for (auto change = lost.rbegin(); change != lost.rend(); ++change) {
      FindDirectories();
      if (absl::Status status = Undo(*change); !status.ok()) return status;
    }
    if (absl::Status status = StrikeFiles(**journal); !status.ok()) return status;
    if (absl::Status status = (*journal)->Clear(); !status.ok()) return status;
    return EmptyTrash(data_dir_, {});
  }

 private:
  void FindDirectories() {
    directories_.clear();
    const auto note = [this](const fs::path& path) {
      struct stat found;
      if (lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) directories_[found.st_ino] = path;
    };
    note(data_dir_);
    std::error_code ignored;  // what can't be listed has no name to undo
    for (const auto& entry : fs::recursive_directory_iterator(data_dir_, ignored)) note(entry.path());
  }

  // Empty if the directory is gone.
  fs::path PathOf(const DirectoryChange::Entry& entry) const {
    const auto found = directories_.find(entry.directory());
    return found == directories_.end() ? fs::path() : found->second / entry.name();
  }

  absl::Status Undo(const DirectoryChange& change) {
    const fs::path first = PathOf(change.entries(0));
    switch (change.kind()) {
      case DirectoryChange::CREATE:
      case DirectoryChange::LINK:
      case DirectoryChange::MAKE_DIRECTORY: {
        if (first.empty()) return absl::OkStatus();
        std::error_code error;
        fs::remove_all(first, error);
        return error ? Failed(error, absl::StrCat("removing ", first.string())) : absl::OkStatus();
      }
      case DirectoryChange::RENAME: {
        const fs::path target = PathOf(change.entries(1));
        if (!first.empty() && !target.empty() && !Exists(first) && Exists(target)) {
          if (absl::Status status = Rename(target, first); !status.ok()) return status;
        }
        return BringBack(change, target);
      }
      default:
        return BringBack(change, first);
    }
  }

  absl::Status BringBack(const DirectoryChange& change, const fs::path& path) const {
    const fs::path kept = TrashPath(data_dir_, change.trash());
    if (change.trash() == 0 || path.empty() || !Exists(kept) || Exists(path)) return absl::OkStatus();
    return Rename(kept, path);
  }

  static bool Exists(const fs::path& path) {
    struct stat found;
    return lstat(path.c_str(), &found) == 0;
  }

  absl::Status StrikeFiles(const ChaosJournal& journal) const {
    std::set<uint64_t> done;
    std::vector<std::pair<std::string, uint64_t>> files;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(data_dir_, error)) {
      const std::string relative = entry.path().lexically_relative(data_dir_).string();
      struct stat found;
      if (absl::StartsWith(relative, kChaosDirectoryName) || lstat(entry.path().c_str(), &found) != 0) continue;
      if (S_ISREG(found.st_mode)) files.emplace_back(relative, found.st_ino);
    }
    if (error) return Failed(error, absl::StrCat("listing ", data_dir_));
    std::sort(files.begin(), files.end());
    for (const auto& [relative, inode] : files) {
      const ChaosJournal::File* file = journal.FindFile(inode);
      if (file == nullptr || !done.insert(inode).second) continue;
      if (absl::Status status = Strike(relative, *file); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Strike(const std::string& relative, const ChaosJournal::File& file) const {
    const std::string path = absl::StrCat(data_dir_, "/", relative);
    const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", path));
    const uint64_t draw = sut::Mix({salt_, 3, sut::MixString(relative)});
    absl::Status status = UndoOverwrites(descriptor, file, draw);
    struct stat found;
    if (status.ok() && fstat(descriptor, &found) != 0) status = absl::ErrnoToStatus(errno, path);
    if (status.ok()) {
      const bool ordered = absl::StartsWith(fs::path(relative).filename().string(), "MANIFEST-");
      status = StrikeTail(descriptor, {file.guaranteed_bytes, static_cast<uint64_t>(found.st_size)}, ordered, draw);
    }
    close(descriptor);
    return status;
  }

  // Synced bytes that were overwritten or cut off: all as they were, or each on its own.
  static absl::Status UndoOverwrites(int descriptor, const ChaosJournal::File& file, uint64_t draw) {
    const bool all_old = sut::Below(sut::Mix({draw, 1}), 2) == 0;
    for (size_t i = file.overwrites.size(); i-- > 0;) {
      if (!all_old && sut::Below(sut::Mix({draw, 2, i}), 2) == 0) continue;
      const chaos::Record::Overwrite& overwrite = file.overwrites[i];
      if (absl::Status status = WriteAt(descriptor, overwrite.offset(), overwrite.old()); !status.ok()) return status;
    }
    if (!all_old || file.overwrites.empty()) return absl::OkStatus();
    return Cut(descriptor, file.guaranteed_bytes);
  }

  struct Range {
    uint64_t begin;
    uint64_t end;
  };
  static absl::Status StrikeTail(int descriptor, Range tail, bool ordered, uint64_t draw) {
    if (tail.begin >= tail.end) return absl::OkStatus();
    const uint64_t fates = ordered ? kFatesOfOrderedFiles : static_cast<uint64_t>(Fate::kFateCount);
    const auto fate = static_cast<Fate>(sut::Below(sut::Mix({draw, 3}), fates));
    if (fate == Fate::kAllKept) return absl::OkStatus();
    const uint64_t length = tail.end - tail.begin;
    const bool none_kept = fate == Fate::kAllLost || fate == Fate::kHoles;
    const uint64_t kept = none_kept ? 0 : sut::Below(sut::Mix({draw, 4}), length + 1);
    if (fate == Fate::kAllLost || fate == Fate::kShort) return Cut(descriptor, tail.begin + kept);
    std::string bytes(length - kept, '\0');
    if (fate == Fate::kHoles && pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(tail.begin)) < 0) {
      return absl::ErrnoToStatus(errno, "reading an unsynced tail");
    }
    for (size_t i = 0; i < bytes.size(); ++i) {
      const uint64_t at = tail.begin + kept + i;
      if (fate == Fate::kGarbage) bytes[i] = static_cast<char>(sut::Mix({draw, 5, at}));
      const bool hole = fate == Fate::kHoles && sut::Below(sut::Mix({draw, 6, at / kSectorBytes}), 2) != 0;
      if (hole) bytes[i] = '\0';
    }
    if (absl::Status status = WriteAt(descriptor, tail.begin + kept, bytes); !status.ok()) return status;
    const uint64_t remains = fate == Fate::kHoles ? bytes.size() : sut::Below(sut::Mix({draw, 7}), bytes.size() + 1);
    return Cut(descriptor, tail.begin + kept + remains);
  }

  static absl::Status WriteAt(int descriptor, uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return absl::ErrnoToStatus(errno, "writing what a loss of power left");
      offset += static_cast<uint64_t>(written);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  static absl::Status Cut(int descriptor, uint64_t bytes) {
    if (ftruncate(descriptor, static_cast<off_t>(bytes)) == 0) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, "cutting an unsynced tail");
  }

  const std::string data_dir_;
  const uint64_t salt_;
  std::map<uint64_t, fs::path> directories_;  // by inode, the trash among them
};

}  // namespace

absl::Status ApplyPowerLoss(const std::string& data_dir, uint64_t salt) {
  std::error_code error;
  const bool known = fs::is_directory(ChaosDirectory(data_dir), error);
  if (error || !known) return absl::OkStatus();
  return PowerLoss(data_dir, salt).Play();
}

}  // namespace holdfast::faults
