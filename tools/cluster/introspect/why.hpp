// The chain of causes behind an object, put together from what the journals remember.
#pragma once

#include "api/json.hpp"
#include "api/pipeline/reader.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"
#include "runtime/introspection/journal.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools {

/// "pod", "po", "deployments.apps" as a person types a resource; null when there is none.
api::schema::resource_ptr find_resource(const api::schema::registry& schemas,
                                        std::string_view typed);

/// An object of a chain of owners, and whether it is there now.
struct chain_link {
  runtime::journal_key key;
  std::string kind; ///< "Pod"
  bool exists = false;
  bool owner_unknown = false; ///< it is gone, and who owned it is forgotten
};

/// The object, what controls it, what controls that, and so on; the last owner first.
/// `remembered` gives what a journal knows of an object, for those that are gone.
std::vector<chain_link>
chain_of(const api::reader& state, const api::schema::registry& schemas,
         const api::schema::resource& r, const runtime::journal_key& object,
         const std::function<std::vector<runtime::journal_entry>(const runtime::journal_key&)>&
             remembered);

/// Of everything that is remembered of the chain what led to the last object: of an owner only
/// the creation and the last change of what it wants before what it owns was created. Each
/// object's entries in the order of time.
std::vector<std::vector<runtime::journal_entry>>
causes_of(const std::vector<chain_link>& chain, std::vector<runtime::journal_entry> entries);

} // namespace thespis::tools
