// The program `thespis`.
#include "tools/bench/run_bench.hpp"
#include "tools/cli/commands.hpp"
#include "tools/shell/run_shell.hpp"

// Read by jemalloc before main. Objects are made on one thread and freed on another, and most that
// a burst of work allocates is freed after it: two arenas, and a second after which what is free
// goes back to the machine.
extern "C" {
const char* malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true";
}

int main(int argc, char** argv) {
  thespis::tools::commands commands;
  commands.up = thespis::tools::run_up;
  commands.agent = thespis::tools::run_agent;
  commands.token = thespis::tools::run_token;
  commands.shell = thespis::tools::run_shell;
  commands.bench = thespis::tools::run_bench;
  return thespis::tools::run_cli(argc, argv, commands);
}
