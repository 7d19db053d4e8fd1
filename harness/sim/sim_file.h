// The content of one simulated file (an inode), and how much of it would outlive a loss of power.
//
// Fault model: bytes below the guaranteed size that were synced never change. Of what was written since the last sync
// any part may survive: a prefix, short, zero-filled, with holes or with garbage; each file's fate is a pure function
// of (seed of the power loss, the file's identity). Of an ordered file only a prefix of the tail survives. After a
// failed sync the bytes that were dirty may be lost although later syncs succeed. An overwritten or truncated synced
// file comes back in its old form, or in the new one as far as that got.
//
// Loop rule: single-threaded, no callbacks.

#ifndef HARNESS_SIM_SIM_FILE_H_
#define HARNESS_SIM_SIM_FILE_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sim {

class SimFile {
 public:
  struct Id {
    uint64_t inode;     // unique on its disk, never used again
    uint64_t identity;  // hash of the path it was created under: draws do not shift when an unrelated file goes away
    // The file system brings data to the disk before the length that covers it, so that only a prefix of a tail can
    // survive.
    bool ordered = false;
  };

  explicit SimFile(Id id) : id_(id) {}
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  uint64_t inode() const { return id_.inode; }
  std::string_view content() const { return content_; }
  uint64_t size() const { return content_.size(); }
  uint64_t modified_us() const { return modified_us_; }
  uint64_t link_count() const { return link_count_; }
  void set_link_count(uint64_t count) { link_count_ = count; }
  // Grows with every change of the content; (inode, version) names one content.
  uint64_t version() const { return version_; }
  // Hash of the content, computed once a version.
  uint64_t ContentHash() const;

  void Append(std::string_view data, uint64_t now_us) { WriteAt(content_.size(), data, now_us); }
  // Writes `data` at `offset`; a gap behind the old end reads as zeros.
  void WriteAt(uint64_t offset, std::string_view data, uint64_t now_us);
  // Cuts the file, or extends it with zeros.
  void Truncate(uint64_t size, uint64_t now_us);
  // What is written becomes durable, except for what an earlier failed sync lost.
  void Sync();
  // A sync that failed: whatever is dirty now may be missing after a loss of power, also if later syncs succeed.
  void FailSync();
  // The machine loses power: unsynced bytes meet their fate, and what is left is durable.
  void LosePower(uint64_t seed);
  // Bytes that were meant for another place land here, on the disk and in what is read: from `offset` on, as far as the
  // file goes.
  void Overwrite(uint64_t offset, std::string_view data);
  // Rot of data at rest: flips the bits of `mask` in one byte, on the disk and in what is read. REQUIRES: offset <
  // size().
  void FlipBits(uint64_t offset, uint8_t mask);

  // True when a loss of power cannot change the file.
  bool durable() const { return dirty_.empty() && !disk_image_.has_value() && guaranteed_size_ == content_.size(); }
  // How many of the first bytes a loss of power cannot change; those of a file that is only appended to.
  uint64_t durable_size() const {
    return dirty_.empty() ? guaranteed_size_ : std::min(guaranteed_size_, dirty_.front().begin);
  }
  // Hash of all that decides the file's future: content, dirty ranges, sizes.
  uint64_t StateHash() const;

 private:
  // Bytes [begin, end) that were written since the last sync that took them.
  struct Range {
    uint64_t begin;
    uint64_t end;
    bool lost;  // a failed sync covered them, so no later sync writes them
  };

  void Touch(uint64_t now_us);
  void KeepDiskImage();
  void MarkDirty(uint64_t begin, uint64_t end);
  void StrikeRange(const Range& range, uint64_t draw);

  const Id id_;
  uint64_t link_count_ = 0;
  uint64_t modified_us_ = 0;
  uint64_t version_ = 0;
  std::string content_;
  // Length that survives for certain. Invariant: at most content_.size().
  uint64_t guaranteed_size_ = 0;
  // The synced content, once it is no longer a prefix of `content_` (overwritten or cut since the last sync).
  std::optional<std::string> disk_image_;
  // Invariant: sorted, disjoint, inside the content; every byte that is not synced lies in one.
  std::vector<Range> dirty_;
  mutable uint64_t hashed_version_ = UINT64_MAX;
  mutable uint64_t hash_ = 0;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_FILE_H_
