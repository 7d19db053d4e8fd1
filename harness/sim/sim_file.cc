#include "harness/sim/sim_file.h"

#include <algorithm>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace holdfast::sim {
namespace {

constexpr uint64_t kSectorBytes = 512;

// What becomes of the lost part of a dirty range.
enum class Fate : uint8_t { kAllLost, kAllKept, kShort, kZeroed, kGarbage, kHoles, kFateCount };
constexpr uint64_t kFatesOfOrderedFiles = 3;  // The first ones.

}  // namespace

uint64_t SimFile::ContentHash() const {
  if (hashed_version_ != version_) {
    hash_ = sut::MixString(content_);
    hashed_version_ = version_;
  }
  return hash_;
}

uint64_t SimFile::StateHash() const {
  uint64_t hash = sut::Mix({id_.inode, id_.identity, link_count_, version_, ContentHash(), guaranteed_size_,
                            disk_image_.has_value() ? sut::MixString(*disk_image_) : 0});
  for (const Range& range : dirty_) hash = sut::Mix({hash, range.begin, range.end, range.lost});
  return hash;
}

void SimFile::WriteAt(uint64_t offset, std::string_view data, uint64_t now_us) {
  Touch(now_us);
  if (data.empty()) return;
  if (offset < guaranteed_size_) KeepDiskImage();
  const uint64_t dirty_from = std::min<uint64_t>(offset, content_.size());
  if (offset == content_.size()) {
    content_.append(data);
  } else {
    content_.resize(std::max<uint64_t>(content_.size(), offset + data.size()));
    data.copy(content_.data() + offset, data.size());
  }
  MarkDirty(dirty_from, offset + data.size());
}

void SimFile::Truncate(uint64_t size, uint64_t now_us) {
  if (size == content_.size()) return;
  Touch(now_us);
  if (size > content_.size()) {
    MarkDirty(content_.size(), size);
    content_.resize(size);
    return;
  }
  if (size < guaranteed_size_) KeepDiskImage();
  content_.resize(size);
  guaranteed_size_ = std::min(guaranteed_size_, size);
  while (!dirty_.empty() && dirty_.back().begin >= size) dirty_.pop_back();
  if (!dirty_.empty()) dirty_.back().end = std::min(dirty_.back().end, size);
}

void SimFile::Sync() {
  std::erase_if(dirty_, [](const Range& range) { return !range.lost; });
  disk_image_.reset();
  const bool tail_lost = !dirty_.empty() && dirty_.back().end == content_.size();
  guaranteed_size_ = tail_lost ? dirty_.back().begin : content_.size();
}

void SimFile::FailSync() {
  for (Range& range : dirty_) range.lost = true;
}

void SimFile::LosePower(uint64_t seed) {
  if (durable()) return;
  const uint64_t draw = sut::Mix({seed, id_.identity});
  if (disk_image_.has_value() && sut::Below(sut::Mix({draw, 1}), 2) == 0) {
    content_ = *disk_image_;  // Neither the overwrites nor the new length reached the disk.
  } else {
    // From the back: a cut of the last range moves the end of no other one.
    for (auto range = dirty_.rbegin(); range != dirty_.rend(); ++range) {
      StrikeRange(*range, sut::Mix({draw, 2, range->begin}));
    }
  }
  disk_image_.reset();
  dirty_.clear();
  guaranteed_size_ = content_.size();
  ++version_;
}

void SimFile::FlipBits(uint64_t offset, uint8_t mask) {
  SUT_CHECK(offset < content_.size(), "rot strikes behind the end of the file");
  const auto flip = [&](char& byte) { byte = static_cast<char>(static_cast<uint8_t>(byte) ^ mask); };
  flip(content_[offset]);
  if (disk_image_.has_value() && offset < disk_image_->size()) flip((*disk_image_)[offset]);
  ++version_;
}

void SimFile::Overwrite(uint64_t offset, std::string_view data) {
  const auto put = [&](std::string& bytes) {
    if (offset < bytes.size()) data.copy(bytes.data() + offset, bytes.size() - offset);
  };
  put(content_);
  if (disk_image_.has_value()) put(*disk_image_);
  ++version_;
}

void SimFile::Touch(uint64_t now_us) {
  modified_us_ = now_us;
  ++version_;
}

void SimFile::KeepDiskImage() {
  if (!disk_image_.has_value()) disk_image_ = content_.substr(0, guaranteed_size_);
}

void SimFile::MarkDirty(uint64_t begin, uint64_t end) {
  if (!dirty_.empty() && dirty_.back().end == begin && !dirty_.back().lost) {  // The common case, an append.
    dirty_.back().end = end;
    return;
  }
  std::vector<Range> ranges;
  for (const Range& old : dirty_) {
    if (old.begin < begin) ranges.push_back({old.begin, std::min(old.end, begin), old.lost});
    if (old.end > end) ranges.push_back({std::max(old.begin, end), old.end, old.lost});
  }
  ranges.push_back({begin, end, false});
  std::ranges::sort(ranges, {}, &Range::begin);
  dirty_ = std::move(ranges);
}

// Bytes of the range that the disk did not take read as they were on the disk before, or as zeros or garbage.
void SimFile::StrikeRange(const Range& range, uint64_t draw) {
  const uint64_t fates = id_.ordered ? kFatesOfOrderedFiles : static_cast<uint64_t>(Fate::kFateCount);
  const auto fate = static_cast<Fate>(sut::Below(sut::Mix({draw, 1}), fates));
  const uint64_t length = range.end - range.begin;
  const uint64_t kept =
      fate == Fate::kAllLost || fate == Fate::kHoles ? 0 : sut::Below(sut::Mix({draw, 2}), length + 1);
  if (fate == Fate::kAllKept) return;
  const auto lose_byte = [&](uint64_t at) {
    const bool was_on_disk = disk_image_.has_value() && at < disk_image_->size();
    if (was_on_disk) return (*disk_image_)[at];
    return fate == Fate::kGarbage ? static_cast<char>(sut::Mix({draw, 3, at})) : '\0';
  };
  for (uint64_t at = range.begin + kept; at < range.end; ++at) {
    const bool sector_kept = fate == Fate::kHoles && sut::Below(sut::Mix({draw, 4, at / kSectorBytes}), 2) == 0;
    if (!sector_kept) content_[at] = lose_byte(at);
  }
  const bool at_end = range.end == content_.size();
  if (!at_end || fate == Fate::kHoles) return;
  const bool cut = fate == Fate::kAllLost || fate == Fate::kShort;
  const uint64_t lost = length - kept;
  const uint64_t remains = cut ? 0 : sut::Below(sut::Mix({draw, 5}), lost + 1);
  content_.resize(std::max(guaranteed_size_, range.begin + kept + remains));
}

}  // namespace holdfast::sim
