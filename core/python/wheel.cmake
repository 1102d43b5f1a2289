# What pip puts into the wheel beside the Python files: garage/_garage.so, and below garage/lib what a prefix has.
install(TARGETS _garage LIBRARY DESTINATION garage)
if(NOT GARAGE_PYTHON_BRINGS_CORE)
  set_target_properties(_garage PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  return()
endif()

set_target_properties(_garage PROPERTIES INSTALL_RPATH "$ORIGIN/lib")
get_property(plugins GLOBAL PROPERTY GARAGE_PLUGIN_TARGETS)
add_dependencies(_garage garage_worker ${plugins})
install(TARGETS garage_core LIBRARY DESTINATION garage/lib)
install(TARGETS garage_worker RUNTIME DESTINATION garage/lib/garage)
install(TARGETS ${plugins} LIBRARY DESTINATION garage/lib/garage/plugins)
install(DIRECTORY ${CMAKE_BINARY_DIR}/lib/garage/plugins/gguf ${CMAKE_BINARY_DIR}/lib/garage/plugins/mixture
  DESTINATION garage/lib/garage/plugins)
