// Steps of a draft that concern whole tables.

#include "harness/plan/draft.h"

namespace holdfast::plan {

void Draft::DropTable(uint64_t at_us, uint32_t table) {
  TableOperation* operation = Add(at_us)->mutable_table();
  operation->set_client(ClientOf({}));
  operation->mutable_drop()->set_table(table);
}

}  // namespace holdfast::plan
