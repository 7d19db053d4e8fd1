#include "harness/run/backup_store.h"

#include <algorithm>
#include <utility>

#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

void Truncate(std::string* bytes) { bytes->resize(bytes->size() / 2); }

void Rot(uint64_t salt, std::string* bytes) {
  if (bytes->empty()) return;
  const uint64_t bit = sut::Mix({salt, 0x726f74}) % (bytes->size() * 8);
  (*bytes)[bit / 8] = static_cast<char>((*bytes)[bit / 8] ^ (1 << (bit % 8)));
}

// Null if there is no file.
std::string* LargestFile(DirectoryFiles* files) {
  const auto largest = std::max_element(files->begin(), files->end(),
                                        [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  return largest == files->end() ? nullptr : &largest->second;
}

}  // namespace

const BackupStore::Export* BackupStore::Find(uint32_t number) const {
  const auto found = exports_.find(number);
  return found == exports_.end() ? nullptr : &found->second.now;
}

bool BackupStore::FileIsSound(uint32_t number) const {
  const Stored& stored = exports_.at(number);
  return stored.now.file == stored.sound.file;
}

const BackupStore::Part* BackupStore::OlderPart(uint32_t number, uint32_t object) const {
  const Part* older = nullptr;
  for (const auto& [other, stored] : exports_) {
    if (other >= number) break;
    for (const Part& part : stored.sound.parts) {
      if (part.object == object) older = &part;
    }
  }
  return older;
}

void BackupStore::Damage(const fault::BackupDamage& damage, uint64_t salt) {
  using Damaging = fault::BackupDamage;
  const auto found = exports_.find(damage.number());
  if (found == exports_.end() || found->second.now.parts.empty()) return;
  Export& exported = found->second.now;
  const size_t at = damage.tablet() % exported.parts.size();
  Part& part = exported.parts[at];
  switch (damage.kind()) {
    case Damaging::FILE_TRUNCATED:
      return Truncate(&exported.file);
    case Damaging::FILE_ROTTEN:
      return Rot(salt, &exported.file);
    case Damaging::DIRECTORY_MISSING:
      return part.files.clear();
    case Damaging::DIRECTORY_TRUNCATED:
      if (std::string* file = LargestFile(&part.files)) Truncate(file);
      return;
    case Damaging::DIRECTORY_ROTTEN:
      if (std::string* file = LargestFile(&part.files)) Rot(salt, file);
      return;
    case Damaging::DIRECTORIES_SWAPPED:
      return std::swap(part.files, exported.parts[(at + 1) % exported.parts.size()].files);
    case Damaging::DIRECTORY_STALE:
      if (const Part* older = OlderPart(damage.number(), part.object)) part.files = older->files;
      return;
    default:
      return;
  }
}

}  // namespace holdfast::run
