// Properties of a link to a peer: it comes to be connected again whatever has ended it, and talks to nobody else.

#include "sut/server/peer_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "sut/server/test_peer.h"

namespace sut {
namespace {

// Where nothing is to run out.
constexpr int64_t kLongUs = 600'000'000;

TEST(PeerLinkTest, WhatIsSentOnAnAcceptedStreamArrives) {
  TestPeer peer({});
  TestLink link(peer.port(), kLongUs);
  ASSERT_TRUE(Await([&] { return link.connected(); }));
  for (int i = 0; i < 100; ++i) link.Send("envelope");
  EXPECT_TRUE(Await([&] { return peer.received() == 100; }));
  EXPECT_EQ(peer.streams(), 1);
}

// The connection is sound, and pings are answered on it: nothing but the hello tells that the stream is of no use.
TEST(PeerLinkTest, AStreamWithoutAHelloIsOpenedAnew) {
  TestPeer peer({.silent_streams = 2});
  TestLink link(peer.port(), 100'000);
  ASSERT_TRUE(Await([&] { return link.connected(); }));
  EXPECT_GE(peer.streams(), 3);
  EXPECT_THAT(link.last_error(), testing::HasSubstr("has not said hello in time"));
  link.Send("envelope");
  EXPECT_TRUE(Await([&] { return peer.received() == 1; }));
}

TEST(PeerLinkTest, APeerThatComesBackIsFoundAgain) {
  auto peer = std::make_unique<TestPeer>(TestPeer::Options{});
  const int port = peer->port();
  TestLink link(port, kLongUs);
  ASSERT_TRUE(Await([&] { return link.connected(); }));
  peer.reset();
  ASSERT_TRUE(Await([&] { return !link.connected(); }));
  peer = std::make_unique<TestPeer>(TestPeer::Options{.port = port});
  ASSERT_EQ(peer->port(), port);
  EXPECT_TRUE(Await([&] { return link.connected(); }));
}

TEST(PeerLinkTest, AnotherNodeAtThePeersAddressIsNotTalkedTo) {
  TestPeer peer({.says_node = 3});
  TestLink link(peer.port(), kLongUs);
  ASSERT_TRUE(Await([&] { return peer.streams() >= 2; }));
  link.Send("envelope");
  EXPECT_THAT(link.last_error(), testing::HasSubstr("node 3 answers at the address of node 2"));
  EXPECT_EQ(peer.received(), 0);
}

}  // namespace
}  // namespace sut
