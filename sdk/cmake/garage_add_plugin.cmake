# garage_add_plugin(<name> SOURCES <file>...)
#
# Makes libgarage-<name>.so. It exports garage_plugin_v1 alone, leaves no symbol undefined, and depends on the C and
# C++ run-time libraries only. In a build folder it lands in lib/garage/plugins, where garage looks.
function(garage_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 plugin "" "" "SOURCES")
  if(NOT plugin_SOURCES OR plugin_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "garage_add_plugin(${name}): needs SOURCES <file>..., got '${ARGN}'")
  endif()
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin_exports.map)
  set(target garage-${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  set_target_properties(${target} PROPERTIES
    PREFIX lib
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/garage/plugins
    LINK_DEPENDS ${exports})
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE
    LINKER:-z,defs LINKER:-z,now LINKER:--exclude-libs,ALL LINKER:--version-script=${exports})
  target_link_libraries(${target} PRIVATE garage::sdk)
  set_property(GLOBAL APPEND PROPERTY GARAGE_PLUGIN_TARGETS ${target})
  install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/garage/plugins)
endfunction()
