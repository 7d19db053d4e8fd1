// Decodes what a replica applied into what the ledger's fold wants to know of it, in the numbers of the plan.

#ifndef HARNESS_CLUSTER_LEDGER_ENTRY_H_
#define HARNESS_CLUSTER_LEDGER_ENTRY_H_

#include <string>

#include "harness/check/inspection.h"
#include "harness/cluster/plan_ids.h"
#include "sut/runtime/seams.h"

namespace holdfast {

check::LogPosition ToLogPosition(sut::OpId op);

// Sessions are numbered from 1 in the ledger (0: none), so a plan's session n is client n + 1; an id that the plan does
// not know becomes kUnknownNumber.
inline constexpr uint32_t kUnknownNumber = 0xFFFFFFFF;
uint32_t LedgerClientOf(const std::string& client_bytes, const PlanIds& ids);
check::LedgerEntry LedgerEntryOf(const sut::ApplyObserver::Applied& applied, const PlanIds& ids);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_LEDGER_ENTRY_H_
