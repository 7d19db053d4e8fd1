// The store of backups of a run: what was exported, as an operator keeps it, and what may befall it there.
//
// An export is a file that describes it, and a directory for each tablet. Fault model: a file is cut short or rots; a
// directory is missing, has a file cut short or rotten, is another tablet's, or an older one of the same tablet. What
// was exported in truth is kept beside it, so that it is known at any time whether a part is as it should be.
// In memory. Pure; one thread.

#ifndef HARNESS_RUN_BACKUP_STORE_H_
#define HARNESS_RUN_BACKUP_STORE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/check/inspection.h"
#include "harness/cluster/snapshot_copy.h"
#include "harness/plan/plan.pb.h"

namespace holdfast::run {

class BackupStore {
 public:
  struct Part {
    uint32_t object = 0;  // the tablet
    DirectoryFiles files;
    check::Rows rows;  // of the directory as it was exported
  };
  struct Export {
    std::vector<uint32_t> tables;
    std::string file;
    std::vector<Part> parts;  // by table, then tablet
  };

  void Put(uint32_t number, const Export& exported) { exports_[number] = {exported, exported}; }
  // As it is now, damaged or not; null if there is none of that number.
  const Export* Find(uint32_t number) const;
  // As it was exported. REQUIRES: Find.
  const Export& Sound(uint32_t number) const { return exports_.at(number).sound; }
  bool FileIsSound(uint32_t number) const;

  // Nothing happens to an export that is not there. `salt` says which bit.
  void Damage(const fault::BackupDamage& damage, uint64_t salt);

 private:
  struct Stored {
    Export sound;
    Export now;
  };
  // The latest export before this one with a part of that tablet; null if there is none.
  const Part* OlderPart(uint32_t number, uint32_t object) const;

  std::map<uint32_t, Stored> exports_;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_BACKUP_STORE_H_
