// Files that decide what runs with the user's rights: nobody but the user and root may have a say in them.
//
// The rule, as sudo and sshd's StrictModes have it, for the file, every folder above it, and every link on the way with
// all that is above where it leads:
//   - its owner is the user or root,
//   - others may not write to it. A group may, if it is the user's private one (as Debian makes for every user: of the
//     user's name, with nobody else in it) or root's; an access control list that lets others write counts as others,
//   - a folder in which others may only add (sticky, as /tmp) is fine: what is below belongs to the user or root.
// The user is the one with whose rights this process runs.
#pragma once

#include <filesystem>
#include <memory>

namespace garage {

class ReadFile;

// Opens the file, and answers the one that was looked at, whatever its name stands for by then.
// Throws kIncompatible: who else has a say, and what to do, without the file's name; kNotFound, kIo.
std::shared_ptr<const ReadFile> open_trusted(const std::filesystem::path& file);

}  // namespace garage
