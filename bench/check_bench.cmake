add_executable(check_bench ${CMAKE_CURRENT_LIST_DIR}/check_bench.cc)
target_link_libraries(check_bench PRIVATE holdfast_check holdfast_history holdfast_generated_histories
  benchmark::benchmark benchmark::benchmark_main)
