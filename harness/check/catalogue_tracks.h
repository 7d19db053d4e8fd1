// What a catalogue history says of each snapshot and each restoration: its states as an Advance, with every bound that
// a reply sets. A reply of its own kind of doubt sets none: see AddAbsence.

#ifndef HARNESS_CHECK_CATALOGUE_TRACKS_H_
#define HARNESS_CHECK_CATALOGUE_TRACKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/check/advance.h"
#include "harness/check/catalogue_history.h"
#include "harness/check/table_tracks.h"

namespace holdfast::check {

// Ranks of a snapshot's states.
enum SnapshotRank : int { kRankAbsent, kRankCreating, kRankEnded, kRankDeleting, kRankDeleted, kRankForgotten };
// Ranks of a restoration's states.
enum RestorationRank : int { kRankNotBegun, kRankRestoring, kRankOver, kRankDropped };

// -1: no state of such a thing.
int SnapshotRankOf(CatalogueState state);
int RestorationRankOf(CatalogueState state);

struct SnapshotTrack {
  Advance states{kRankForgotten};
  std::vector<uint32_t> tables;
  bool imported = false;
  const CatalogueOperation* complete = nullptr;  // a reply that shows that it ended COMPLETE
  const CatalogueOperation* failed = nullptr;    // one that shows that it ended FAILED
};

struct RestorationTrack {
  Advance states{kRankDropped};
  uint32_t snapshot = 0;
  int requests = 0;  // that were not refused
  const CatalogueOperation* restored = nullptr;
  const CatalogueOperation* failed = nullptr;
};

struct CatalogueTracks {
  std::map<uint32_t, SnapshotTrack> snapshots;
  std::map<uint32_t, RestorationTrack> restorations;
  TableTracks tables;

  // True if it can't be excluded that the two snapshots have a table in common.
  bool MayShareTable(uint32_t a, uint32_t b) const;
};

CatalogueTracks TracksOf(const CatalogueHistory& history);

// "client 3: restore snapshot 2 as restoration 7 (plan step 12) [40..47] ok".
std::string OperationText(const CatalogueOperation& op);
const char* StateName(CatalogueState state);
const char* RankName(SnapshotRank rank);
const char* RankName(RestorationRank rank);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_CATALOGUE_TRACKS_H_
