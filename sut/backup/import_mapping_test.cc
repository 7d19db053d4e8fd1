// Tablets go to those of the same bounds, whatever their order; anything else is refused.

#include "sut/backup/import_mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sut/tablet/partition.h"

namespace sut {
namespace {

using testing::HasSubstr;

proto::SnapshotExport::Table Exported(uint32_t tablets) {
  proto::SnapshotExport::Table table;
  table.set_id(UuidBytes(2, 1));
  table.set_name("t");
  table.mutable_keyspace()->set_name("k");
  table.set_schema("schema");
  for (uint32_t i = 0; i < tablets; ++i) {
    auto* tablet = table.add_tablets();
    tablet->set_id(UuidBytes(4, i));
    tablet->set_hash_begin(TabletRange(i, tablets).begin);
    tablet->set_hash_end(TabletRange(i, tablets).end);
    tablet->mutable_source()->set_tablet(tablet->id());
  }
  return table;
}

NewTable Wanted(size_t replicas) {
  NewTable wanted;
  wanted.name = {"k", "t"};
  wanted.keyspace_id = UuidBytes(3, 3);
  wanted.nodes = {NodeId{1}, NodeId{2}, NodeId{4}};
  wanted.replicas = replicas;
  wanted.new_id = [n = uint64_t{0}]() mutable { return UuidBytes(9, ++n); };
  return wanted;
}

TEST(ImportMappingTest, ANewTableHasTheExportedOnesBoundsAndSchema) {
  const auto exported = Exported(3);
  const proto::TableInfo table = TableLike(exported, Wanted(2));
  EXPECT_EQ(table.schema(), "schema");
  ASSERT_EQ(table.tablets_size(), 3);
  EXPECT_EQ(table.tablets(2).replicas(0).node(), 4u);
  EXPECT_EQ(table.tablets(2).replicas(1).node(), 1u);
  const auto mapped = MapTablets(exported, table);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(mapped->tablets(i).tablet(), table.tablets(i).id());
    EXPECT_EQ(mapped->tablets(i).source().tablet(), exported.tablets(i).id());
    EXPECT_EQ(mapped->tablets(i).hash_end(), exported.tablets(i).hash_end());
  }
  EXPECT_EQ(TableLike(exported, Wanted(9)).tablets(0).replicas_size(), 3);
}

TEST(ImportMappingTest, PositionDoesNotMatter) {
  auto exported = Exported(3);
  const proto::TableInfo table = TableLike(exported, Wanted(1));
  exported.mutable_tablets()->SwapElements(0, 2);
  const auto mapped = MapTablets(exported, table);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_EQ(mapped->tablets(0).source().tablet(), UuidBytes(4, 0));
  EXPECT_EQ(mapped->tablets(2).source().tablet(), UuidBytes(4, 2));
}

TEST(ImportMappingTest, OtherPartitionsAreRefused) {
  const auto exported = Exported(2);
  const proto::TableInfo more = TableLike(Exported(3), Wanted(1));
  EXPECT_EQ(MapTablets(exported, more).status().message(),
            "Wrong number of tablets in created table k.t: 3 (expected 2)");
  proto::TableInfo moved = TableLike(exported, Wanted(1));
  moved.mutable_tablets(0)->set_hash_end(7);
  moved.mutable_tablets(1)->set_hash_begin(7);
  EXPECT_THAT(MapTablets(exported, moved).status().message(), HasSubstr("are not those of the snapshot"));
}

TEST(ImportMappingTest, TheTargetIsTheTableOfThatNameIfItFits) {
  const auto exported = Exported(2);
  google::protobuf::RepeatedPtrField<proto::TableInfo> tables;
  EXPECT_EQ(*ChooseTarget(exported, {"k", "t"}, tables), nullptr);
  *tables.Add() = TableLike(exported, Wanted(1));
  EXPECT_EQ(ChooseTarget(exported, {"k", "t"}, tables).status().code(), absl::StatusCode::kUnavailable);  // CREATING
  tables.Mutable(0)->set_state(proto::TableInfo::RUNNING);
  EXPECT_EQ(*ChooseTarget(exported, {"k", "t"}, tables), &tables.Get(0));
  EXPECT_EQ(*ChooseTarget(exported, {"k", "u"}, tables), nullptr);
  EXPECT_FALSE(ChooseTarget(Exported(5), {"k", "t"}, tables).ok());
}

}  // namespace
}  // namespace sut
