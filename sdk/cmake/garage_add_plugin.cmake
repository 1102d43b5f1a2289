# garage_add_plugin(<name> SOURCES <file>... [NN_SOURCES <file>...] [GGUF <file>...] [MIXTURE <file>...])
#
# Makes libgarage-<name>.so. It exports garage_plugin_v1 alone, leaves no symbol undefined, and depends on the C and
# C++ run-time libraries only. In a build folder it lands in lib/garage/plugins, where garage looks.
#
# NN_SOURCES are code for parts that the blueprints cannot say (garage/nn/nn_library.hpp): they become a second library
# beside it, garage-nn-<name>.so, built with LibTorch, which the plugin names and garage opens when it is needed. They
# want find_package(garage COMPONENTS nn) before.
#
# GGUF are tables that say what the names and the metadata in GGUF files of the family stand for, MIXTURE tables that say
# how dense models become a mixture of the family (sdk/README.md): they go into the folders gguf and mixture beside it.
include(${CMAKE_CURRENT_LIST_DIR}/garage_torch_build.cmake)

function(garage_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 plugin "" "" "SOURCES;NN_SOURCES;GGUF;MIXTURE")
  if(NOT plugin_SOURCES OR plugin_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "garage_add_plugin(${name}): needs SOURCES <file>..., got '${ARGN}'")
  endif()
  set(target garage-${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  _garage_plugin_library(${target} plugin_exports.map)
  garage_small_code(${target})
  set_target_properties(${target} PROPERTIES PREFIX lib)
  target_link_libraries(${target} PRIVATE garage::sdk)
  set_property(GLOBAL APPEND PROPERTY GARAGE_PLUGIN_TARGETS ${target})
  if(NOT CMAKE_INSTALL_LIBDIR)
    set(CMAKE_INSTALL_LIBDIR lib)
  endif()
  _garage_plugin_tables(gguf "${plugin_GGUF}")
  _garage_plugin_tables(mixture "${plugin_MIXTURE}")
  if(plugin_NN_SOURCES)
    if(NOT TARGET garage::nn)
      message(FATAL_ERROR "garage_add_plugin(${name}): NN_SOURCES need find_package(garage COMPONENTS nn) before")
    endif()
    set(nn_target garage-nn-${name})
    add_library(${nn_target} MODULE ${plugin_NN_SOURCES})
    _garage_plugin_library(${nn_target} nn_library_exports.map)
    set_target_properties(${nn_target} PROPERTIES PREFIX "")
    target_link_libraries(${nn_target} PRIVATE garage::nn)
    garage_torch_build(${nn_target})
    target_compile_definitions(${target} PRIVATE "GARAGE_PLUGIN_NN_FILE=\"${nn_target}.so\"")
    add_dependencies(${target} ${nn_target})
  endif()
endfunction()

# Every function apart, so that a linker can leave out what nobody calls.
function(garage_by_sections target)
  target_compile_options(${target} PRIVATE
    "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-ffunction-sections;-fdata-sections>")
endfunction()

# Small rather than fast: a plugin works for a few milliseconds, and there are many of them.
function(garage_small_code target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Os>)
endfunction()

# Tables that core finds by their names, in a folder beside the plugin.
function(_garage_plugin_tables folder tables)
  foreach(table IN LISTS tables)
    get_filename_component(file ${table} NAME)
    configure_file(${table} ${CMAKE_BINARY_DIR}/lib/garage/plugins/${folder}/${file} COPYONLY)
    install(FILES ${table} DESTINATION ${CMAKE_INSTALL_LIBDIR}/garage/plugins/${folder})
  endforeach()
endfunction()

# What the plugin and its nn library have in common: a list of exports, and where they go.
function(_garage_plugin_library target exports_file)
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${exports_file})
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/garage/plugins
    LINK_DEPENDS ${exports})
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  garage_by_sections(${target})  # what no plugin calls of the SDK and of Boost.JSON is left out
  target_link_options(${target} PRIVATE $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:LINKER:--gc-sections>
    LINKER:-z,defs LINKER:-z,now LINKER:--exclude-libs,ALL LINKER:--version-script=${exports})
  if(NOT CMAKE_INSTALL_LIBDIR)
    set(CMAKE_INSTALL_LIBDIR lib)
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/garage/plugins)
endfunction()
