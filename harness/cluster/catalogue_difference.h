// A master's catalogue is kept twice: as rows in its store, which a restart brings back, and in memory, which answers
// and decides. What the two disagree on would change without anybody having asked for it.
//
// Plain function; no thread rule.

#ifndef HARNESS_CLUSTER_CATALOGUE_DIFFERENCE_H_
#define HARNESS_CLUSTER_CATALOGUE_DIFFERENCE_H_

#include <string>
#include <vector>

#include "sut/master/catalogue_state.h"

namespace holdfast {

// One line for each object that is in one only, or is not the same in both; empty if they agree.
std::vector<std::string> CatalogueDifference(const sut::CatalogueState& memory, const sut::CatalogueState& store);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_CATALOGUE_DIFFERENCE_H_
