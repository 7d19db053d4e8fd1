add_executable(server_bench ${CMAKE_CURRENT_LIST_DIR}/server_bench.cc ${CMAKE_CURRENT_LIST_DIR}/bench_cluster.cc)
target_link_libraries(server_bench PRIVATE sut_test_servers sut_remote benchmark::benchmark benchmark::benchmark_main)
