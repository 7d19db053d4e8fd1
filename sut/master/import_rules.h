// The rule for importing a snapshot: new ids, the partitions exactly as they were.
//
// What it names must fit the tables as they are now, so an import that was prepared against an older catalogue is
// refused, and changes nothing.

#ifndef SUT_MASTER_IMPORT_RULES_H_
#define SUT_MASTER_IMPORT_RULES_H_

#include "sut/master/catalogue_state.h"

namespace sut::rules {

Transition ImportSnapshot(const CatalogueState& state, const proto::CatalogueCommand::ImportSnapshot& command,
                          BugSet bugs);

}  // namespace sut::rules

#endif  // SUT_MASTER_IMPORT_RULES_H_
