// The commands, one file each: what a command takes and what it does stand there together. Each prints its answer, and
// nothing else, to stdout.
#pragma once

#include "command_line.hpp"

namespace garage::cli {

void add_register(Commands& commands);
void add_batch(Commands& commands);
void add_detect(Commands& commands);
void add_list(Commands& commands);
void add_show(Commands& commands);
void add_parts(Commands& commands);
void add_part(Commands& commands);
void add_extract(Commands& commands);
void add_extract_lora(Commands& commands);
void add_convert(Commands& commands);
void add_merge(Commands& commands);
void add_run(Commands& commands);
void add_importance(Commands& commands);
void add_compare(Commands& commands);
void add_diff_weights(Commands& commands);
void add_find(Commands& commands);
void add_plugin_list(Commands& plugin);
void add_plugin_allow(Commands& plugin);
void add_plugin_new(Commands& plugin);
void add_plugin_check(Commands& plugin);
void add_remove(Commands& commands);

}  // namespace garage::cli
