// What the files that pair columns with their computed cells share.
#pragma once

#include "api/table/cells.hpp"

#include <map>

namespace thespis::api::table {

using printer_map = std::map<std::string, printer, std::less<>>;

/// A column; `priority` 1 is shown with `-o wide`.
schema::column col(std::string name, std::string type, std::string about, int priority = 0);
/// The first column of every kind.
schema::column name_column();
schema::column age_column();

// Each adds the printers of its kinds.
void add_storage_printers(printer_map& m);
void add_policy_printers(printer_map& m);
void add_network_printers(printer_map& m);
void add_access_printers(printer_map& m);
void add_admission_printers(printer_map& m);
void add_small_printers(printer_map& m);

} // namespace thespis::api::table
