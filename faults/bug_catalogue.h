// The planted bugs: what each switch of sut::Bug breaks, which public bug of a real system it is modelled on, and how
// it shows.
//
// The code that a switch breaks knows only its name; everything said about it stands here, once. `holdfast bugs list`
// prints this table.

#ifndef FAULTS_BUG_CATALOGUE_H_
#define FAULTS_BUG_CATALOGUE_H_

#include <span>
#include <string_view>

#include "sut/base/bugs.h"

namespace holdfast {

// What a user would notice; the short words of the catalogue.
enum class BugSymptom {
  kLost,     // acknowledged data is gone
  kRes,      // deleted or older data is back
  kDiv,      // replicas differ
  kDup,      // a request is applied twice
  kFalseOk,  // success is reported wrongly
  kTorn,     // a cut that no single moment ever had
  kNoOpen,   // what was stored can't be opened, or the node crashes over it again and again
  kStuck,    // something that was begun never ends
  kLeak,     // files are left that nothing refers to
  kStale,    // an old state is read as the present one
};
std::string_view BugSymptomName(BugSymptom symptom);

struct BugEntry {
  sut::Bug bug;
  int number;                            // in the catalogue of known snapshot bugs; gaps are bugs that are not planted
  std::string_view origin;               // organisation/repository#issue, or the family it belongs to
  std::string_view what;                 // one sentence
  std::span<const BugSymptom> symptoms;  // any of them counts as found
  // False: no campaign has found it so far. It can be planted, but no test expects that it is caught.
  bool is_caught = true;
  // Whose plans go where the bug is: hunted with this one unless another is named.
  std::string_view profile = "default";
};

// Sorted by number. Invariant: one entry for every sut::Bug.
std::span<const BugEntry> BugCatalogue();

// The entry of a bug.
const BugEntry& BugEntryOf(sut::Bug bug);

}  // namespace holdfast

#endif  // FAULTS_BUG_CATALOGUE_H_
