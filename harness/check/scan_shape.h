// The shape of a scan's rows, whatever they hold: each key once, in the order in which the tablet keeps them, and none
// that is another tablet's. What a client puts together from pages breaks it when a page is taken twice, left out of
// its place, or mixed with those of another version. Judged at once, since the search knows a scan as a map.
//
// Plain functions; no thread rule.

#ifndef HARNESS_CHECK_SCAN_SHAPE_H_
#define HARNESS_CHECK_SCAN_SHAPE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/inspection.h"

namespace holdfast::check {

struct ScanOrder {
  // Whether a row of the first key lies before one of the second. Unset: no order is promised.
  std::function<bool(const std::string&, const std::string&)> before;
  std::function<bool(const std::string&)> owns;
};

// `what` names the scan in the violation.
std::optional<Violation> CheckScanShape(const std::string& what,
                                        const std::vector<std::pair<std::string, std::string>>& rows,
                                        const ScanOrder& order);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_SCAN_SHAPE_H_
