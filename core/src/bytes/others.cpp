#include "others.hpp"

#include <array>
#include <cstring>

#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fmt/format.h>

namespace garage {
namespace {

// As Debian makes one for every user: it bears the user's name, and nobody else is in it.
bool is_private_group(gid_t group) {
  std::array<char, 16384> user_text{}, group_text{};
  passwd user{}, *found_user = nullptr;
  ::group entry{}, *found_group = nullptr;
  ::getpwuid_r(::geteuid(), &user, user_text.data(), user_text.size(), &found_user);
  ::getgrgid_r(group, &entry, group_text.data(), group_text.size(), &found_group);
  if (!found_user || !found_group || user.pw_gid != group || std::strcmp(user.pw_name, entry.gr_name) != 0)
    return false;
  for (auto** member = entry.gr_mem; *member; ++member)
    if (std::strcmp(*member, user.pw_name) != 0) return false;
  return true;
}

// With a list, the group's bits say what anybody named in it may do at most.
bool has_access_list(int descriptor) {
  const auto name = fmt::format("/proc/self/fd/{}", descriptor);
  return ::getxattr(name.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

}  // namespace

bool is_somebody_elses(const struct stat& status) { return status.st_uid != 0 && status.st_uid != ::geteuid(); }

bool others_may_write(const struct stat& status, int descriptor) {
  if (status.st_mode & S_IWOTH) return true;
  if (!(status.st_mode & S_IWGRP)) return false;
  return has_access_list(descriptor) || (status.st_gid != 0 && !is_private_group(status.st_gid));
}

}  // namespace garage
