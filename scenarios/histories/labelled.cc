#include "scenarios/histories/labelled.h"

namespace holdfast::scenarios {
namespace {

constexpr uint64_t kSeeds = 3;

struct Shape {
  const char* name;
  uint32_t operations, clients, tablets, keys, snapshots, restores;
  bool hints, snapshot_rows, one_cut;
};

// Small ones to be read by people, and larger ones where the defect hides among much that is right.
constexpr Shape kShapes[] = {
    {"small", 60, 3, 2, 6, 1, 1, true, true, false},
    {"small-without-rows", 60, 3, 2, 6, 1, 1, false, false, false},
    {"small-one-cut", 60, 3, 2, 6, 1, 1, true, true, true},
    {"medium", 2000, 8, 4, 32, 6, 4, true, true, false},
    {"medium-without-hints", 2000, 8, 4, 32, 6, 4, false, true, false},
    {"medium-without-rows", 2000, 8, 4, 32, 6, 4, false, false, false},
};

}  // namespace

std::vector<LabelledHistory> LabelledSet() {
  std::vector<LabelledHistory> set;
  for (int defect = 0; defect < kDefectCount; ++defect) {
    for (const Shape& shape : kShapes) {
      for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        LabelledHistory labelled;
        GeneratorOptions& options = labelled.options;
        options.seed = seed;
        options.operations = shape.operations;
        options.clients = shape.clients;
        options.tablets = shape.tablets;
        options.keys = shape.keys;
        options.snapshots = shape.snapshots;
        options.restores = shape.restores;
        options.hints = shape.hints;
        options.snapshot_rows = shape.snapshot_rows;
        options.one_cut = shape.one_cut;
        options.defect = static_cast<Defect>(defect);
        options.defect_at = 0.5;
        const bool torn = options.defect == Defect::kTornBetweenTablets;
        labelled.name = std::string(DefectName(options.defect)) + "-" + shape.name + "-" + std::to_string(seed);
        labelled.right_by_tablet = options.defect == Defect::kNone || torn;
        labelled.judged_as_table = shape.one_cut;
        labelled.right_as_table = options.defect == Defect::kNone;
        set.push_back(std::move(labelled));
      }
    }
  }
  return set;
}

}  // namespace holdfast::scenarios
