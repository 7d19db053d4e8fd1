#include "harness/run/digest.h"

#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

using sut::Mix;
using sut::MixString;

uint64_t U(int64_t value) { return static_cast<uint64_t>(value); }

}  // namespace

uint64_t HistoryDigest(const history::History& history, const check::CatalogueHistory& catalogue) {
  uint64_t digest = Mix({history.operations.size(), catalogue.size(), history.symbols.size()});
  for (const history::Operation& op : history.operations) {
    digest = Mix({digest, U(op.invoke), U(op.complete), U(op.hint.index), op.hint.term, U(op.delta), op.object,
                  op.process, op.step, op.key, op.value, op.expected, static_cast<uint64_t>(op.kind),
                  static_cast<uint64_t>(op.outcome)});
    if (op.list == history::kNoList) continue;
    if (op.kind == history::Kind::kBatch) {
      for (const history::Mutation& part : history.mutations(op.list)) {
        digest = Mix({digest, static_cast<uint64_t>(part.kind), part.key, part.value, U(part.delta)});
      }
    } else {
      for (const history::Row& row : history.rows(op.list)) digest = Mix({digest, row.key, row.value});
    }
  }
  // Symbols are numbered as they come up, so equal texts in equal order make equal numbers.
  for (size_t symbol = 1; symbol < history.symbols.size(); ++symbol) {
    digest = MixString(history.symbols.text(static_cast<history::Symbol>(symbol)), digest);
  }
  for (const check::CatalogueOperation& op : catalogue) {
    digest = Mix({digest, static_cast<uint64_t>(op.kind), static_cast<uint64_t>(op.outcome),
                  static_cast<uint64_t>(op.refusal), U(op.invoke), U(op.complete), op.log_index, op.snapshot,
                  op.restoration});
    for (const auto& listed : op.snapshots) digest = Mix({digest, listed.number, static_cast<uint64_t>(listed.state)});
    for (const auto& listed : op.restorations)
      digest = Mix({digest, listed.number, static_cast<uint64_t>(listed.state)});
    for (const auto& listed : op.listed_tables)
      digest = Mix({digest, listed.number, static_cast<uint64_t>(listed.state)});
  }
  return digest;
}

}  // namespace holdfast::run
