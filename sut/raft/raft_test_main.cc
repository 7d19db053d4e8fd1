// The test program's main: GoogleTest's, and one flag more. With --rewrite the datadriven tests write what they saw
// into their files instead of comparing it.

#include <cstring>
#include <iostream>

#include "gtest/gtest.h"
#include "sut/raft/raft_datadriven.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rewrite") != 0) {
      std::cerr << "unknown flag " << argv[i] << "; known: --rewrite and GoogleTest's\n";
      return 2;
    }
    sut::raft::RewriteGoldens() = true;
  }
  return RUN_ALL_TESTS();
}
