// Every key of a table is routed to the one tablet whose range holds its hash; a list that breaks its invariants is
// refused.

#include "sut/client/routing_table.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace sut {
namespace {

constexpr TableId kTable{1, 2};

proto::Reply::TableList ListOf(uint32_t tablets) {
  proto::Reply::TableList list;
  proto::TableInfo* table = list.add_tables();
  table->set_id(Bytes(kTable));
  table->set_keyspace("k");
  table->set_name("t");
  for (uint32_t i = 0; i < tablets; ++i) {
    proto::TabletInfo* tablet = table->add_tablets();
    tablet->set_id(Bytes(TabletId{9, i}));
    tablet->set_hash_begin(TabletRange(i, tablets).begin);
    tablet->set_hash_end(TabletRange(i, tablets).end);
    tablet->add_replicas()->set_node(4 + i);
    tablet->add_replicas()->set_node(7 + i);
  }
  return list;
}

TEST(RoutingTable, EveryKeyGoesToTheTabletThatHoldsItsHash) {
  for (const uint32_t tablets : {1u, 2u, 3u, 5u}) {
    const auto routing = RoutingTable::FromTableList(ListOf(tablets));
    ASSERT_TRUE(routing.ok());
    for (int i = 0; i < 500; ++i) {
      const std::string key = "key" + std::to_string(i);
      const CallTarget* target = routing->Route(kTable, key);
      ASSERT_NE(target, nullptr);
      EXPECT_TRUE(TabletRange(static_cast<uint32_t>(target->tablet.lo), tablets).contains(PartitionHash(key)));
    }
  }
}

TEST(RoutingTable, ATargetNamesTheNodesOfItsReplicas) {
  const auto routing = RoutingTable::FromTableList(ListOf(2));
  ASSERT_TRUE(routing.ok());
  EXPECT_EQ(routing->Find(kTable)->tablets[1].target.replicas, (std::vector<NodeId>{NodeId{5}, NodeId{8}}));
}

TEST(RoutingTable, TablesAreFoundByIdAndByName) {
  const auto routing = RoutingTable::FromTableList(ListOf(1));
  ASSERT_TRUE(routing.ok());
  EXPECT_EQ(routing->FindByName("k", "t"), routing->Find(kTable));
  EXPECT_NE(routing->Find(kTable), nullptr);
  EXPECT_EQ(routing->FindByName("k", "other"), nullptr);
  EXPECT_EQ(routing->Route(TableId{1, 3}, "key"), nullptr);
}

TEST(RoutingTable, AListThatBreaksItsInvariantsIsRefused) {
  const std::vector<std::function<void(proto::Reply::TableList*)>> spoils = {
      [](auto* list) { list->mutable_tables(0)->set_id("short"); },
      [](auto* list) { list->mutable_tables(0)->mutable_tablets(0)->set_id("short"); },
      [](auto* list) { list->mutable_tables(0)->mutable_tablets(0)->set_hash_begin(1); },
      [](auto* list) { list->mutable_tables(0)->mutable_tablets()->RemoveLast(); },
      [](auto* list) { list->mutable_tables(0)->mutable_tablets(1)->clear_replicas(); },
      [](auto* list) { *list->add_tables() = list->tables(0); },
  };
  for (size_t i = 0; i < spoils.size(); ++i) {
    proto::Reply::TableList list = ListOf(2);
    spoils[i](&list);
    EXPECT_FALSE(RoutingTable::FromTableList(list).ok()) << i;
  }
}

}  // namespace
}  // namespace sut
