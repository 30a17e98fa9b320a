// schemagen OUT_DIR FILE.yaml…: reads the schema files and writes into OUT_DIR, for each, its C++
// structs, and one table of everything (schema_table.cpp) for the schema engine. Files whose
// content would not change are left alone, so that nothing is compiled again in vain.
#include "tools/schemagen/model.hpp"
#include "tools/schemagen/structs.hpp"
#include "tools/schemagen/tables.hpp"

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

void write_if_changed(const std::filesystem::path& path, const std::string& text) {
  {
    std::ifstream old(path, std::ios::binary);
    const std::string before{std::istreambuf_iterator<char>(old), {}};
    if (old.good() && before == text)
      return;
  }
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush())
    throw std::runtime_error("cannot write " + path.string());
}

} // namespace

int main(int argc, char** argv) try {
  namespace sg = thespis::schemagen;
  if (argc < 3) {
    std::cerr << "usage: schemagen OUT_DIR FILE.yaml...\n";
    return 2;
  }
  const std::filesystem::path dir = argv[1];
  std::filesystem::create_directories(dir);
  const auto model = sg::load({argv + 2, argv + argc});
  for (const auto& f : model.files) {
    write_if_changed(dir / (f.stem + ".hpp"), sg::struct_header(model, f));
    write_if_changed(dir / (f.stem + ".cpp"), sg::struct_source(model, f));
  }
  write_if_changed(dir / "schema_table.cpp", sg::table_source(model));
  return 0;
} catch (const std::exception& e) {
  std::cerr << "schemagen: " << e.what() << "\n";
  return 1;
}
