#include "sut/server/addresses.h"

#include <grpc/grpc.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sut {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(AddressesTest, AListNamesEachNodeOnce) {
  const auto addresses = ParseAddresses("2=b:9101,1=127.0.0.1:9100");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_THAT(*addresses, ElementsAre(Pair(NodeId{1}, "127.0.0.1:9100"), Pair(NodeId{2}, "b:9101")));
  for (const char* wrong : {"", "1", "1=", "1=a", "1=a:", "1=:9", "1=a:0", "1=a:65536", "1=a:9,1=b:9", "0=a:9", "x=a:9",
                            "1024=a:9", "1=a:9,", "-1=a:9"}) {
    EXPECT_FALSE(ParseAddresses(wrong).ok()) << wrong;
  }
}

TEST(AddressesTest, IdsAreSortedAndUnique) {
  const auto ids = ParseNodeIds("3,1,3");
  ASSERT_TRUE(ids.ok());
  EXPECT_THAT(*ids, ElementsAre(NodeId{1}, NodeId{3}));
  EXPECT_FALSE(ParseNodeIds("").ok());
  EXPECT_FALSE(ParseNodeIds("1,,2").ok());
}

// A thread of gRPC's that is on its way out of the last call's end still needs it.
TEST(GrpcLifetimeTest, GrpcOutlivesItsLastChannel) {
  MakeChannel("127.0.0.1:1").reset();
  EXPECT_NE(grpc_is_initialized(), 0);
}

}  // namespace
}  // namespace sut
